# SPDX-License-Identifier: MIT
"""S1 with the ACPI table that names it: devices go down and come back, the power button ends it, and the clocks know of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from .conftest import Built
from .machine import Machine

Start = Callable[..., Machine]


@pytest.fixture
def standby(machine: Start, built: Built) -> Start:
    """Starts a machine that has \\_S1."""

    def start(*names: str, qemu: tuple[str, ...] = (), **settings: str) -> Machine:
        table = ["-acpitable", f"file={built.kernel.with_name('s1.aml')}"]
        return machine(*names, qemu=[*table, *qemu], **settings)

    return start


def stand_by(running: Machine, cycle: int = 1) -> None:
    """Into S1; returns when the kernel says that what ends it is armed."""
    running.agent("guest-exec", path="buddyctl.exe", arg=["sleep", "1"])
    running.wait_console("power: S1 entered", cycle)


def press(running: Machine, cycle: int = 1) -> None:
    running.qmp("system_powerdown")
    running.wait_console("power: S1 and back, wake source power-button", cycle)
    running.synchronize()


@pytest.mark.parametrize("inf", ["edu.inf", "edu_msi.inf"], ids=["line", "message"])
def test_the_power_button_ends_s1_and_interrupts_come_again(standby: Start, inf: str) -> None:
    running = standby("edu.sys", inf, qemu=("-device", "edu,bus=rp1", "-device", "e1000e,bus=rp2"))
    for cycle in range(1, 11):
        stand_by(running, cycle)
        press(running, cycle)
        running.wait_console("edu: interrupt ok after power-up", cycle)
    assert not running.complaints
    running.sleep()
    running.wake()
    running.wait_console("edu: interrupt ok after power-up", 11)


def test_the_agent_is_silent_in_s1_and_what_was_sent_is_answered_afterwards(standby: Start) -> None:
    """The serial port's interrupt waits, as every one that may not end the sleep."""
    running = standby()
    stand_by(running)
    running.agent("guest-ping", answer=False)
    with pytest.raises(TimeoutError):
        running._reply(0.3)
    assert "power: S1 and back" not in running.log
    running.qmp("system_powerdown")
    assert "return" in running._reply(10)


def test_the_power_button_means_nothing_to_a_machine_that_is_awake(standby: Start) -> None:
    """It is armed in S1 only, so that an earlier press does not end the next sleep."""
    running = standby()
    running.qmp("system_powerdown")
    running.synchronize()
    stand_by(running)
    assert "power: S1 and back" not in running.log
    press(running)


def test_the_time_in_s1_is_in_every_clock_but_the_unbiased_one_to_the_millisecond(standby: Start) -> None:
    running = standby("power.sys", "power.inf", append=r"root=ROOT\power_clock")
    for cycle, seconds in enumerate((0, 0.7), start=1):
        stand_by(running, cycle)
        began = time.monotonic()
        time.sleep(seconds)  # not a wait for anything: the time itself is the question
        least = (time.monotonic() - began) * 1000
        press(running, cycle)
        running.wait_console("power: interrupt ", cycle)
    line = r"power: interrupt (\d+) unbiased (\d+) counter (\d+) ticks (\d+)"
    short, long = ([int(value) for value in values] for values in re.findall(line, running.log))
    for interrupt, unbiased, counter, ticks in (short, long):
        assert abs(interrupt - counter) <= 1 and abs(interrupt - ticks) <= 17
        assert interrupt >= unbiased
    asleep = long[0] - long[1]
    assert least - 5 <= asleep <= least + 3000, (short, long)


def test_s2_and_s4_are_refused_all_the_same(standby: Start) -> None:
    """Without the table so is S1: test_power_sleep.py."""
    running = standby()
    for state, reason in ((2, r"the firmware has no \_Sx for it"), (4, "there is no disk to hibernate to")):
        code, answer = running.control("sleep", str(state))
        assert (code, answer["error"]["name"]) == (1, "STATUS_NOT_SUPPORTED")
        assert f"S{state} is not supported: {reason}" in answer["error"]["message"]

# SPDX-License-Identifier: MIT
"""ACPI S3 for real: the registers come back, what changed meanwhile is noticed, and what cannot sleep says why."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from .machine import Machine

EDU = r"PCI\VEN_1234&DEV_11E8&CC_00FF"
NET = r"PCI\VEN_8086&DEV_10D3&CC_0200"


@pytest.mark.parametrize("inf", ["edu.inf", "edu_msi.inf"], ids=["line", "message"])
def test_fifty_cycles_keep_registers_and_interrupts(machine: Callable[..., Machine], inf: str) -> None:
    running = machine("edu.sys", inf, qemu=["-device", "edu,bus=rp1", "-device", "e1000e,bus=rp2"])
    for cycle in range(1, 51):
        running.sleep()
        running.wake()
        running.wait_console("edu: interrupt ok after power-up", cycle)
    assert not running.complaints


@pytest.mark.parametrize("append", ["", "seed=1", "seed=2"])
def test_hot_plug_works_right_after_a_wake(machine: Callable[..., Machine], append: str) -> None:
    running = machine("edu.sys", "edu_msi.inf", append=append, qemu=["-device", "edu,bus=rp1,id=edu0"])
    for cycle in range(1, 4):
        running.sleep()
        running.wake()
        running.unplug("edu0")
        running.qmp("device_add", driver="edu", bus="rp1", id="edu0")
        running.wait_console("edu: interrupt ok after start", cycle + 1)


def test_a_device_that_appears_during_sleep_is_started(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu_msi.inf")
    running.sleep()
    running.qmp("device_add", driver="edu", bus="rp1", id="edu0")
    running.wake()
    running.wait_console("edu: interrupt ok after start")


def test_a_swap_during_sleep_is_seen_by_the_serial_number(machine: Callable[..., Machine]) -> None:
    """QEMU does not let go of a device while the guest sleeps, so the one that is swapped was never there in S3's beginning."""
    running = machine(qemu=["-device", "e1000e,bus=rp1,mac=52:54:00:00:00:01,id=net0"])
    before = running.device(NET)
    assert before is not None and before["instance"].endswith("525400FFFF00000100")
    running.unplug("net0")
    running.wait_until(lambda: running.device(NET) is None, "the first card gone")
    running.sleep()
    running.qmp("device_add", driver="e1000e", bus="rp1", mac="52:54:00:00:00:02", id="net1")
    running.wake()
    running.wait_until(lambda: running.device(NET) is not None, "the second card")
    after = running.device(NET)
    assert after is not None and after["instance"].endswith("525400FFFF00000200")


def test_a_machine_without_s3_refuses_and_goes_on(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf", qemu=["-global", "ICH9-LPC.disable_s3=1", "-device", "edu,bus=rp1"])
    running.agent("guest-suspend-ram", answer=False)
    running.wait_console("power: S3 is not supported")
    running.synchronize()
    assert "power D3" not in running.log


def test_a_sleep_that_the_platform_lacks_is_refused_with_the_reason(machine: Callable[..., Machine]) -> None:
    """QEMU's DSDT has \\_S3, \\_S4 and \\_S5, and no table adds \\_S1. No driver is bothered, and the next sleep works."""
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_good")
    no_object, no_disk = r"the firmware has no \_Sx for it", "there is no disk to hibernate to"
    for state, reason in ((1, no_object), (2, no_object), (4, no_disk)):
        code, answer = running.control("sleep", str(state))
        assert (code, answer["error"]["name"]) == (1, "STATUS_NOT_SUPPORTED")
        assert f"S{state} is not supported: {reason}" in answer["error"]["message"]
    assert "power: power_good" not in running.log
    running.sleep()
    running.wake()
    running.wait_console("power_good device D0")


def test_the_agent_says_why_there_is_no_hibernation(machine: Callable[..., Machine]) -> None:
    running = machine()
    error = running.refusal("guest-suspend-disk")
    assert "S4 is not supported: there is no disk to hibernate to" in error


def test_power_off_tells_the_drivers_and_ends_qemu(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf", qemu=["-device", "edu,bus=rp1"])
    running.agent("guest-shutdown", answer=False, mode="powerdown")
    assert running.wait_exit() == 0
    assert running.log.count("edu: power D3") == 1


def test_a_reset_starts_the_kernel_again(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf", qemu=["-device", "edu,bus=rp1"])
    running.agent("guest-shutdown", answer=False, mode="reboot")
    running.wait_console("ready:", 2)
    running.synchronize()
    assert running.log.count("edu: interrupt ok after start") == 2


def test_the_time_asleep_is_in_every_clock_but_the_unbiased_one(machine: Callable[..., Machine]) -> None:
    """The sleep itself must last: the real-time clock, which alone goes on meanwhile, tells whole seconds."""
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_clock")
    for cycle, seconds in enumerate((0, 2.2), start=1):
        running.sleep()
        time.sleep(seconds)  # not a wait for anything: the time itself is the question
        running.wake()
        running.wait_console("power: interrupt ", cycle)
    line = r"power: interrupt (\d+) unbiased (\d+) counter (\d+) ticks (\d+)"
    short, long = ([int(value) for value in values] for values in re.findall(line, running.log))
    assert max(short) < min(short) + 50
    interrupt, unbiased, counter, ticks = long
    assert min(interrupt, counter, ticks) >= unbiased + 1000
    assert max(interrupt, counter, ticks) < unbiased + 5000


def test_absolute_timers_expire_by_the_system_time_after_a_sleep(machine: Callable[..., Machine]) -> None:
    """Five seconds, two of them asleep: an absolute due time counts those, an interval does not."""
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_timers")
    running.sleep()
    time.sleep(2.2)
    running.wake()
    running.wait_console("power: relative timer")
    line = r"power: (timers set|absolute timer|relative timer|absolute wait) after (\d+) ms awake"
    awake = {what: int(milliseconds) for what, milliseconds in re.findall(line, running.log)}
    # The real-time clock tells whole seconds.
    for what in ("absolute timer", "absolute wait"):
        assert awake[what] - awake["timers set"] <= 3900, awake
    assert awake["relative timer"] - awake["timers set"] >= 5000 - 20, awake
    assert "status 0" in running.log

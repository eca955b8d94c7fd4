# SPDX-License-Identifier: MIT
"""Power IRPs: order, vetoes, serialization, the watchdog, idle detection; with root devices driven by selftest/power.c."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from .conftest import Built
from .machine import Machine


def sent(log: str) -> list[str]:
    """The power IRPs in the order in which the drivers saw them."""
    return re.findall(r"power: (\w+ (?:query|set|device) [SD]\d)", log)


def test_every_system_irp_is_followed_by_a_device_irp(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_good")
    running.sleep()
    running.wake()
    assert sent(running.log) == [
        "power_good query S3",
        "power_good set S3",
        "power_good device D3",
        "power_good set S0",
        "power_good device D0",
    ]


def test_a_veto_keeps_the_system_up_and_tells_those_who_were_asked(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_good,ROOT\power_veto")
    running.agent("guest-suspend-ram", answer=False)
    running.wait_console(r"power: ROOT\power_veto\0000 (driver power) refused S3 with status 80000011")
    running.synchronize()
    irps = sent(running.log)
    assert "power_veto query S3" in irps
    assert not [irp for irp in irps if irp.endswith("set S3")]
    asked = [irp.split()[0] for irp in irps if irp.endswith("query S3")]
    told = [irp.split()[0] for irp in irps if irp.endswith("set S0")]
    assert sorted(asked) == sorted(told)


def test_a_driver_that_stalls_stops_the_system_with_9f(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_stall power-watchdog=1 seed=9")
    running.agent("guest-suspend-ram", answer=False)
    running.wait_event("GUEST_PANICKED")
    report = json.loads(running.log.partition("BUGCHECK ")[2].splitlines()[0])
    assert report["code"] == 0x9F
    assert report["parameters"][0] == 3
    assert report["driver"] == "power.sys"
    assert report["function"] == "DispatchPower"
    assert "holds a power IRP (set, system S3) for longer than 1 s" in report["reason"]
    assert all(report["parameters"][1:]), "PDO, nt!TRIAGE_9F_POWER and IRP"
    assert report["seed"] == 9 and "scheduler seed 9" in running.log, "a failure names its seed"


def test_a_device_irp_of_its_own_that_stalls_stops_the_system_too(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_alone power-watchdog=1")
    running.wait_event("GUEST_PANICKED")
    report = json.loads(running.log.partition("BUGCHECK ")[2].splitlines()[0])
    assert (report["code"], report["parameters"][0], report["driver"]) == (0x9F, 3, "power.sys")
    assert "holds a power IRP (set, device D3)" in report["reason"]


def test_devices_of_a_level_overlap_their_delays(machine: Callable[..., Machine]) -> None:
    """Eight devices that take 20 ms each: one after the other they would need 160 ms."""
    running = machine("power.sys", "power.inf", append="root=" + ",".join([r"ROOT\power_slow"] * 8))
    running.sleep()
    running.wake()
    running.wait_console("power: S3 and back")
    down = re.search(r"down (\d+) us", running.log)
    assert down is not None and 20_000 <= int(down[1]) < 150_000
    assert sent(running.log).count("power_slow device D3") == 8


def test_device_irps_of_one_stack_come_one_after_the_other(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_queue")
    running.wait_console("power: queue done", 3)
    done = re.findall(r"queue done (D\d) status (\w+) most at once (\d)", running.log)
    assert done == [("D3", "0", "1"), ("D0", "0", "1"), ("D3", "0", "1")]


def test_an_idle_device_is_sent_to_sleep(machine: Callable[..., Machine]) -> None:
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_idle")
    running.wait_console("power: power_idle device D3")
    assert "no idle time of its own" not in running.log


VIRTUAL_TIME = ["-icount", "shift=5,sleep=off"]  # seconds of idling pass at once


def test_a_device_that_is_deleted_with_its_idle_detection_on_is_forgotten(machine: Callable[..., Machine]) -> None:
    script = r"script=500:remove,ROOT\power_idle\0000;2500:devices"
    running = machine("power.sys", "power.inf", append=rf"root=ROOT\power_idle {script}", qemu=VIRTUAL_TIME)
    running.wait_console("script: devices: exit code 0")
    assert "script: remove: exit code 0" in running.log
    assert "power_idle device D3" not in running.log


def test_a_device_in_use_is_not_idle_and_one_that_was_used_again_becomes_idle_again(machine: Callable[..., Machine]) -> None:
    """Busy for three seconds with a limit of one; then D3, D0 by the driver, D3 again. PoSetPowerState names the state before."""
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_busy", qemu=VIRTUAL_TIME)
    running.wait_console("power: power_busy device D3", 2)
    story = re.findall(r"power: (no longer busy|used again|power_busy device D\d)", running.log)
    assert sorted(story[1:4]) == ["power_busy device D0", "power_busy device D3", "used again"]
    assert (story[0], story[1], story[4]) == ("no longer busy", "power_busy device D3", "power_busy device D3")
    assert not running.complaints


def test_devices_with_an_inrush_of_current_power_up_one_at_a_time(machine: Callable[..., Machine]) -> None:
    """Four devices of one level that take 20 ms each; the others of the level (and all of them on the way down) overlap."""
    running = machine("power.sys", "power.inf", append="root=" + ",".join([r"ROOT\power_inrush"] * 4))
    running.sleep()
    running.wake()
    running.wait_console("power: S3 and back")
    times = re.search(r"down (\d+) us, up (\d+) us", running.log)
    assert times is not None and int(times[1]) < 80_000 <= int(times[2])
    assert re.findall(r"inrush over, most at once (\d)", running.log) == ["1"] * 4


def test_a_pageable_stack_gets_its_irps_at_passive_level_whoever_asks_for_them(machine: Callable[..., Machine]) -> None:
    """PoRequestPowerIrp at DISPATCH_LEVEL; the PDO, and so the driver, has DO_POWER_PAGABLE."""
    running = machine("power.sys", "power.inf", append=r"root=ROOT\power_raised")
    running.wait_console("power: queue done", 3)
    assert re.findall(r"power_raised device D\d irql (\d)", running.log) == ["0", "0", "0"]


def test_a_wait_wake_irp_is_sent_at_passive_level(built: Built, tmp_path: Path) -> None:
    """Microsoft, IRP_MN_WAIT_WAKE: "The driver must be running at IRQL = PASSIVE_LEVEL to send this IRP." """
    modules = [built.drivers / "power.sys", Path(__file__).parent / "drivers" / "power.inf"]
    with Machine(built.kernel, tmp_path, modules, append=r"root=ROOT\power_wake_raised") as running:
        running.wait_console("BUGCHECK {")
        running.wait_until(lambda: running.log.partition("BUGCHECK ")[2].count("\n") > 0, "the whole report")
        report = json.loads(running.log.partition("BUGCHECK ")[2].splitlines()[0])
    assert (report["code"], report["driver"], report["function"]) == (0xC4, "power.sys", "Raised")
    assert "PoRequestPowerIrp" in report["reason"]

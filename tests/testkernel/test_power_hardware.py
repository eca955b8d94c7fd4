# SPDX-License-Identifier: MIT
"""PCI bus driver, power manager and HAL with hardware that reports what is done to it: buddy, driven by selftest/buddy.c."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.base.paths import build_dir

from .machine import Machine

pytestmark = pytest.mark.image

Start = Callable[..., Machine]


def knock(running: Machine, device: str = "buddy0") -> None:
    running.qmp("qom-set", path=f"/machine/peripheral/{device}", property="wake-event", value=True)


@pytest.fixture
def buddy(machine: Start) -> Start:
    """Starts the kernel with one buddy in rp1 (`properties` added) and selftest/buddy.c as its driver."""

    def start(properties: str = "", **settings: Any) -> Machine:
        module = build_dir() / "qemu-device" / "buddy.so"
        device = ["-device", f"buddy,id=buddy0,bus=rp1{properties}"]
        return machine("buddy.sys", "buddy.inf", qemu=device, device_module=module, **settings)

    return start


@pytest.mark.parametrize(
    ("properties", "messages"), [("", 2), (",msix=off", 2), (",clients=8", 8)], ids=["msix", "msi", "eight-messages"]
)
def test_bus_interface_interrupts_dma_d_states_and_wake_at_run_time(buddy: Start, properties: str, messages: int) -> None:
    running = buddy(properties)
    running.wait_console("buddy: asleep")
    knock(running)
    running.wait_console("buddy: done")
    assert not running.complaints
    assert f"connect status 0 version 3 messages {messages}" in running.log
    checks = re.findall(r"buddy: (.*) ok", running.log)
    assert len(checks) == 37, checks
    records = running.records()
    states = [(r["from"], r["to"]) for r in records if r["kind"] == "power"]
    assert states == [("D0", "D3hot"), ("D3hot", "D0")] * 3
    assert [r["rule"] for r in records if r["kind"] == "violation"] == []
    assert [r["event"] for r in records if r["kind"] == "pme"] == ["sent"]
    lines = [r["line"] for r in records if r["kind"] == "trace"]
    assert "kernel pme bus=1 device=0 function=0 system=0 waited-for=1" in lines


def test_the_bus_driver_waits_ten_milliseconds_after_d3hot_and_a_driver_that_does_not_is_found_out(buddy: Start) -> None:
    """PCI PM 1.2, table 5-6. The last access of the driver's exercise goes round the bus driver, at once."""
    running = buddy(",d3hot-delay=10000")
    running.wait_console("buddy: asleep")
    knock(running)
    running.wait_console("buddy: done")
    assert not running.complaints
    took = re.search(r"buddy: D0 took (\d+) us", running.log)
    assert took and int(took[1]) >= 10_000
    assert "touched at once, id ffffffff" in running.log
    violations = [(r["rule"], r["reg"]) for r in running.records() if r["kind"] == "violation"]
    assert violations == [("access-before-ready", "ID")]


def test_a_device_without_that_delay_is_there_at_once(buddy: Start) -> None:
    running = buddy()
    running.wait_console("buddy: asleep")
    took = re.search(r"buddy: D0 took (\d+) us", running.log)
    assert took and int(took[1]) >= 10_000, "D3hot itself is left alone for 10 ms, too"
    knock(running)
    running.wait_console("touched at once, id 42554459")


def test_a_corrected_error_is_logged_once_for_each_time(buddy: Start) -> None:
    running = buddy()
    running.wait_console("buddy: asleep")
    path = "/machine/peripheral/buddy0"
    for count in (1, 2, 3):
        running.qmp("qom-set", path=path, property="fault", value="aer-correctable,count=1")
        running.wait_console("whea: corrected hardware error, PCI Express function 01:00.0, status 0x00000040", count)
    running.synchronize()
    lines = [r["line"] for r in running.records() if r["kind"] == "trace" and "aer" in r["line"]]
    assert lines == ["kernel aer corrected bus=1 device=0 function=0 status=0x40"] * 3


@pytest.mark.parametrize("cycles", [0, 2], ids=["", "after-two-sleeps"])
def test_a_fatal_error_stops_with_whea_uncorrectable_error(buddy: Start, cycles: int) -> None:
    running = buddy()
    running.wait_console("buddy: asleep")
    for _ in range(cycles):
        running.sleep()
        running.wake()
    running.qmp("qom-set", path="/machine/peripheral/buddy0", property="fault", value="aer-fatal,count=1")
    running.wait_event("GUEST_PANICKED")
    running.wait_console("BUGCHECK ")
    report = json.loads(running.log.partition("BUGCHECK ")[2].splitlines()[0])
    assert (report["code"], report["name"]) == (0x124, "WHEA_UNCORRECTABLE_ERROR")
    assert report["parameters"][0] == 4 and report["parameters"][1] != 0
    assert "01:00.0 (1234:b0dd) reported a fatal error: uncorrectable error status 0x00040000" in report["reason"]
    assert report["driver"] == "ntoskrnl.exe", "no driver is to blame"

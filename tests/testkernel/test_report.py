# SPDX-License-Identifier: MIT
"""The stop report: what a person and a program find in it, and how a hang is asked for its reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import INF, Boot, Built
from .machine import Machine


def test_a_hang_answers_an_nmi_with_the_tables(built: Built, tmp_path: Path) -> None:
    with Machine(built.kernel, tmp_path, []) as machine:
        machine.wait_console("ready:")
        machine.qmp("inject-nmi")
        machine.wait_event("GUEST_PANICKED")
        log = machine.log
    report = json.loads(next(line for line in log.splitlines() if line.startswith("BUGCHECK ")).removeprefix("BUGCHECK "))
    assert (report["code"], report["name"]) == (0x80, "NMI_HARDWARE_FAILURE")
    for heading in ("Processor:", "Threads:", "Locks:", "Devices:", "Pending IRPs:", "Last IRPs"):
        assert heading in log
    assert "PCI\\VEN_8086&DEV_29C0" in log.partition("Devices:")[2]
    assert "completed by pci              PNP/QUERY_" in log.partition("Last IRPs")[2]
    assert "second STOP" not in log


def test_the_report_names_driver_function_registers_and_frames(boot: Callable[..., Boot]) -> None:
    done = boot("break_own_bugcheck", until="VIOLATION SURVIVED")
    report = done.bugcheck
    assert (report["code"], report["parameters"]) == (0xDEADDEAD, [1, 2, 3, 4])
    assert (report["driver"], report["function"]) == ("break_own_bugcheck.sys", "Break_own_bugcheck")
    assert [frame.split("+")[0] for frame in report["backtrace"][:2]] == [
        "break_own_bugcheck.sys!Break_own_bugcheck",
        "break_own_bugcheck.sys!DriverEntry",
    ]
    assert "ntoskrnl.exe!KiThreadStartup" in {frame.split("+")[0] for frame in report["backtrace"]}
    assert len(report["frames"]) == len(report["backtrace"])
    assert report["frames"][0]["image"] == report["blamed"]["image"] == "break_own_bugcheck.sys"
    assert [image["name"] for image in report["images"]] == ["ntoskrnl.exe", "break_own_bugcheck.sys"]
    assert f"{report['images'][1]['base']:016X}" in done.log
    assert "*** STOP: 0xDEADDEAD (0x0000000000000001, 0x0000000000000002" in done.log
    assert "rip=" in done.log and "r15=" in done.log


def ask_hanging(built: Built, directory: Path, kind: str) -> tuple[str, dict[str, Any]]:
    """The console log and the report of a guest that hangs in the way `kind` (selftest/hang.c) and is sent an NMI."""
    service = f"hang_{kind}"
    image, inf = directory / f"{service}.sys", directory / f"{service}.inf"
    shutil.copy(built.drivers / "hang.sys", image)
    inf.write_text(INF.format(service=service))
    with Machine(built.kernel, directory, [image, inf], f"root=ROOT\\{service}") as machine:
        machine.wait_console("hanging")
        machine.qmp("inject-nmi")
        machine.wait_event("GUEST_PANICKED")
        log = machine.log
    assert "second STOP" not in log
    return log, json.loads(next(line for line in log.splitlines() if line.startswith("BUGCHECK ")).removeprefix("BUGCHECK "))


@pytest.mark.parametrize(
    ("kind", "function", "irql", "interrupts"),
    [("masked", "SpinWithInterruptsOff", 0, "off"), ("high", "SpinAtHighLevel", 15, "on")],
)
def test_an_nmi_finds_the_loop(built: Built, tmp_path: Path, kind: str, function: str, irql: int, interrupts: str) -> None:
    log, report = ask_hanging(built, tmp_path, kind)
    assert (report["code"], report["driver"], report["function"]) == (0x80, f"hang_{kind}.sys", function)
    assert report["irql"] == irql and report["trap"] and report["blamed"]["exact"]
    assert f"IRQL {irql}, interrupts {interrupts}" in log


def test_an_nmi_shows_who_waits_for_whom(built: Built, tmp_path: Path) -> None:
    log, _ = ask_hanging(built, tmp_path, "deadlock")
    threads = log.partition("Threads:")[2].partition("Locks:")[0]
    stacks = re.split(r"^(?=[0-9A-F]{16} id )", threads, flags=re.MULTILINE)
    waiting = [stack for stack in stacks if "hang_deadlock.sys!WaitForTheOther" in stack]
    assert len(waiting) == 2 and all(re.search(r"waiting for 1\d{3} ms on [0-9A-F]{16}", stack) for stack in waiting), threads


def test_an_nmi_names_who_holds_an_irp(built: Built, tmp_path: Path) -> None:
    log, report = ask_hanging(built, tmp_path, "start")
    assert (report["driver"], report["function"]) == ("hang_start.sys", "HoldStart")
    assert re.search(r"\\Driver\\hang_start has held IRP [0-9A-F]{16} \(PNP/START_DEVICE\) for 1\d{3} ms", report["reason"])
    assert re.search(r"\\Driver\\hang_start holds IRP [0-9A-F]{16} \(PNP/START_DEVICE\)", log.partition("Pending IRPs:")[2])

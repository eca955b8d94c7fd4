# SPDX-License-Identifier: MIT
"""The stop report: what a person and a program find in it, and how a hang is asked for its reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from .conftest import Boot, Built
from .machine import Machine


def test_a_hang_answers_an_nmi_with_the_tables(built: Built, tmp_path: Path) -> None:
    with Machine(built.kernel, tmp_path, []) as machine:
        machine.wait_console("ready:")
        machine.qmp("inject-nmi")
        machine.wait_event("GUEST_PANICKED")
        log = machine.log
    report = json.loads(next(line for line in log.splitlines() if line.startswith("BUGCHECK ")).removeprefix("BUGCHECK "))
    assert (report["code"], report["name"]) == (0x80, "NMI_HARDWARE_FAILURE")
    for heading in ("Threads:", "Locks:", "Devices:", "Last IRPs"):
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
    assert report["frames"][0]["image"] == "break_own_bugcheck.sys"
    assert "*** STOP: 0xDEADDEAD (0x0000000000000001, 0x0000000000000002" in done.log
    assert "rip=" in done.log and "r15=" in done.log

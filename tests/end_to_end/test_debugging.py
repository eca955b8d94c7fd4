# SPDX-License-Identifier: MIT
"""What a bugcheck and a hang leave behind, and gdb, the real one, on the memory dump and on the running guest."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command

pytestmark = pytest.mark.image

MUTANT = """
scenarios:
  stops:
    about: A mutant whose stop nobody expects.
    topology: buddy
    replace: {owner: owner-completes-twice}
    steps:
      - work: 5
      - buddyctl: [disable, owner]
"""
TABLES = {"threads", "locks", "devices", "pending irps", "last irps"}


def gdb(script: Path, *commands: str) -> str:
    """What gdb says when it has run the script and then these commands."""
    more = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-q", "-batch", "-x", str(script), *more], capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def test_a_bugcheck_leaves_source_lines_tables_and_a_dump_that_gdb_opens(command: Command) -> None:
    ended = command("run", command.suite(MUTANT), "--html")
    assert ended.exit_code == 3, ended.output
    evidence = command.run / "stops"

    report = json.loads((evidence / "crash.json").read_text())
    assert report["driver"] == "owner"
    assert re.fullmatch(r"guest-drivers/(owner|common)/\w+\.c:\d+", report["source"])
    assert set(report["details"]["tables"]) == TABLES
    assert any("ROOT\\BORROWER" in line.upper() for line in report["details"]["tables"]["devices"])

    frame = next(line for line in report["backtrace"] if "owner.sys!" in line)
    assert re.search(r"guest-drivers/(owner|common)/\w+\.c:\d+$", frame)
    assert report["source"] in ended.output and frame in ended.output
    case = ET.parse(command.run / "junit.xml").find(".//testcase/failure")
    assert case is not None and frame in (case.text or "")
    finding = json.loads((command.run / "results.json").read_text())["scenarios"][0]["findings"][0]
    assert frame in finding["facts"]["backtrace"]
    html = (command.run / "report.html").read_text()
    assert report["source"] in html and "pending irps" in html and 'href="stops/memory.elf"' in html

    opens = shlex.split(finding["facts"]["debug"])
    assert opens[:3] == ["gdb", "-q", "-x"] and finding["facts"]["debug"] in ended.output
    said = gdb(Path(opens[3]), "print KiProcessor.CurrentThread->Name", "info line DispatchPnp")
    assert "KiStopSystem" in said and re.search(r"guest-drivers/owner|owner/\w+\.c|common/\w+\.c", said), said
    assert re.search(r"\$1 = \"[a-z]", said), said
    # Drivers' symbols are where the drivers are: the report's frame is the one that gdb sees.
    function, source = frame.split("!")[1].split("+")[0].split(" ")[0], frame.split("  ")[-1]
    assert re.search(rf"{re.escape(function)}\b.* at \S*{re.escape(source.split('/', 1)[1])}", said), (frame, said)


@pytest.mark.long
def test_a_hang_names_who_holds_the_irp_and_leaves_the_same(command: Command) -> None:
    mutant = MUTANT.replace("owner-completes-twice", "owner-forgets-system-irp").replace(
        "- buddyctl: [disable, owner]", "- suspend"
    )
    ended = command("run", command.suite(mutant), "--kernel-args", "power-watchdog=60")
    assert ended.exit_code == 4, ended.output
    assert "answered the NMI" in ended.output and "\\Driver\\owner has held IRP" in ended.output
    report = json.loads((command.run / "stops" / "crash.json").read_text())
    assert report["location"] == "owner.sys!DispatchPower+0x0" and report["source"].startswith("guest-drivers/common/power.c:")
    assert set(report["details"]["tables"]) == TABLES
    assert "KiIdleLoop" in gdb(command.run / "stops" / "crash.gdb")


def test_no_dump_when_not_wanted_and_none_of_an_expected_stop(command: Command) -> None:
    expected = MUTANT + "    expect: {failure: guest bugcheck, driver: owner}\n"
    assert command("run", command.suite(expected)).exit_code == 0
    assert (command.run / "stops" / "crash.json").exists() and not (command.run / "stops" / "memory.elf").exists()
    assert command("run", command.suite(MUTANT), "--no-dump").exit_code == 3
    assert not (command.run / "stops" / "memory.elf").exists()


def test_gdb_stops_in_a_driver_that_is_not_yet_loaded_when_the_breakpoint_is_set(command: Command) -> None:
    booting = command.start("boot", "--topology", "buddy", "--gdb", text="status\nquit\n")
    assert booting.stdout is not None
    line = next(line for line in booting.stdout if line.lstrip().startswith("gdb "))
    script = Path(shlex.split(line)[3])
    try:
        said = gdb(script, "tbreak DriverEntry", "continue", "backtrace", "detach")
        output, _ = booting.communicate(timeout=60)
    finally:
        booting.kill()
    assert re.search(r"DriverEntry \(.*\) at (common|owner)/\w+\.c:\d+", said), said
    assert re.search(r"#\d+ .* in KiThreadEntry \(\) at ke/entry\.S:\d+", said), said
    assert booting.returncode == 0 and "has started exactly the devices that are there" in output, output


@pytest.mark.parametrize(("level", "more"), [("debug", True), ("info", False)])
def test_the_log_level_is_settable(command: Command, level: str, more: bool) -> None:
    assert command("boot", "--topology", "buddy", "--log-level", level, text="quit\n").exit_code == 0
    log = (command.run / "console.log").read_text()
    assert "loaded owner.sys at FFFF" in log
    assert ("devnode " in log) is more

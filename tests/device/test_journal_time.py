# SPDX-License-Identifier: MIT
"""Times of the journal's records: QEMU's virtual clock, whatever happens to it, also where they are computed."""

from __future__ import annotations

import itertools
import statistics
import time
from pathlib import Path

import pytest
from firmware import assemble

from tests.device.conftest import HERE, Start
from tests.device.qtest import TIMEOUT, Machine, Options, Record
from tests.device.snapshots import add_snapshot_disk, snapshot_job

BOUND = 1000  # JOURNAL_CLOCK_BOUND, ns
DEBUG_EXIT = ("-device", "isa-debug-exit,iobase=0xf4,iosize=4")
CONSTANT_COUNTER = "nonstop_tsc" in Path("/proc/cpuinfo").read_text()


def arguments(options: Options, loops: int = 0, sleep: int = 0) -> list[str]:
    """A guest that opens and closes a gate for ever, or so often; two records of one moment each time."""
    options.accel = "tcg"
    image = assemble(HERE / "clock_guest.S", options.workdir, LOOPS=loops, SLEEP=sleep)
    return ["-bios", str(image), "-device", "buddy,id=buddy0,addr=5,ram-size=0", *DEBUG_EXIT]


@pytest.fixture
def guest(start: Start, options: Options) -> Machine:
    """The guest that goes on for ever."""
    return start(*arguments(options))


def wait_for_records(machine: Machine, more: int) -> None:
    """Until so many more records were made."""
    deadline, goal = time.monotonic() + TIMEOUT, machine.qom_get("trace", "written") + more
    while (written := machine.qom_get("trace", "written")) < goal:
        assert time.monotonic() < deadline, f"{written} records after {TIMEOUT} s, expected {goal}"


def let_host_time_pass(machine: Machine, seconds: float) -> None:
    """The guest's clock may run meanwhile or not; that is the question."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        machine.command_qmp("query-status")


def backward_steps(records: list[Record]) -> list[tuple[Record, Record]]:
    """Neighbours of which the later one has the earlier time."""
    return [(one, other) for one, other in itertools.pairwise(records) if other["t"] < one["t"]]


def test_the_computed_time_of_an_access_is_that_of_the_event_it_causes(guest: Machine) -> None:
    wait_for_records(guest, 100_000)
    error = guest.qom_get("trace", "clock-error")
    guest.command_qmp("stop")
    records = guest.journal()
    assert backward_steps(records) == []
    gaps = [gate["t"] - write["t"] for write, gate in itertools.pairwise(records) if gate["kind"] == "gate"]
    assert len(gaps) > 40_000
    # An access whose time was ahead of the clock would hold back that of its event: the gap would be 0.
    assert gaps.count(0) < len(gaps) / 100
    assert statistics.median(gaps) < BOUND
    assert error <= BOUND
    if CONSTANT_COUNTER:
        assert error > 0, "the times were not computed at all"


def test_the_clock_stands_while_the_machine_is_stopped(guest: Machine) -> None:
    wait_for_records(guest, 20_000)
    guest.command_qmp("stop")
    guest.qom_set("buddy0", "fault", "stuck-busy")
    let_host_time_pass(guest, 0.5)
    guest.qom_set("buddy0", "fault", "stuck-busy,off")
    guest.command_qmp("cont")
    wait_for_records(guest, 20_000)
    guest.command_qmp("stop")
    records = guest.journal()
    assert backward_steps(records) == []
    arm, disarm = (position for position, record in enumerate(records) if record["kind"] == "fault")
    assert disarm == arm + 1
    assert records[arm]["t"] == records[disarm]["t"]
    assert records[disarm + 1]["t"] - records[disarm]["t"] < 400_000_000
    assert records[arm]["t"] - records[arm - 1]["t"] < 400_000_000


def test_short_stops_do_not_disturb_the_computed_times(guest: Machine) -> None:
    """Shorter than a point of reference lasts: what was computed from one before the stop would be ahead by the stop."""
    wait_for_records(guest, 20_000)
    for _ in range(200):
        guest.command_qmp("stop")
        guest.command_qmp("cont")
    wait_for_records(guest, 20_000)
    error = guest.qom_get("trace", "clock-error")
    guest.command_qmp("stop")
    assert backward_steps(guest.journal()) == []
    assert error <= BOUND


def test_loading_a_snapshot_sets_the_time_back(guest: Machine) -> None:
    add_snapshot_disk(guest)
    wait_for_records(guest, 20_000)
    guest.command_qmp("stop")
    guest.qom_set("buddy0", "fault", "stuck-busy")
    snapshot_job(guest, "save", "snapshot-save")
    guest.command_qmp("cont")
    wait_for_records(guest, 20_000)
    snapshot_job(guest, "load", "snapshot-load")
    guest.command_qmp("cont")
    wait_for_records(guest, 20_000)
    guest.command_qmp("stop")
    records = guest.journal()
    ((before, after),) = backward_steps(records)
    (saved,) = [record for record in records if record["kind"] == "fault"]
    assert saved["t"] <= after["t"] < before["t"]
    assert after["t"] - saved["t"] < 400_000_000


def test_time_goes_on_through_sleep(start: Start, options: Options) -> None:
    machine = start(*arguments(options, sleep=5_000))
    machine.wait_event("SUSPEND")
    let_host_time_pass(machine, 0.2)
    machine.command_qmp("system_wakeup")
    machine.wait_event("WAKEUP")
    wait_for_records(machine, 20_000)
    machine.command_qmp("stop")
    records = machine.journal()
    assert backward_steps(records) == []
    times = {record["event"]: record["t"] for record in records if record["kind"] == "machine"}
    assert times["wakeup"] - times["suspend"] >= 200_000_000


def test_with_icount_two_runs_have_the_same_times(options: Options) -> None:
    runs = []
    for _ in range(2):
        machine = Machine(options, *arguments(options, loops=2_000), "-icount", "shift=0,sleep=off")
        assert machine.process.wait(TIMEOUT) == 0x10 << 1 | 1, machine.stderr()
        machine.close()
        *lines, close = machine.journal_path.read_text().splitlines()
        assert '"kind":"close"' in close
        runs.append(lines)
    assert runs[0] == runs[1]
    assert sum('"kind":"gate"' in line for line in runs[0]) == 4_000

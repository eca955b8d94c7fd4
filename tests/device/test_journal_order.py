# SPDX-License-Identifier: MIT
"""One order: two processors and the main loop make records of every sort at the same time."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from firmware import assemble
from qemu.qmp import QMPError

from tests.device.conftest import HERE, default_options
from tests.device.qtest import TIMEOUT, Machine, Record

LOOPS = 3_000


@pytest.fixture(scope="module")
def records(module: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """The journal of a run in which two processors work and faults are armed and disarmed meanwhile."""
    options = default_options(module, tmp_path_factory.mktemp("order"))
    options.accel = "tcg,thread=multi"
    image = assemble(HERE / "order_guest.S", options.workdir, LOOPS=LOOPS)
    machine = Machine(
        options,
        *("-smp", "2", "-bios", str(image), "-device", "buddy,id=buddy0,addr=5,ram-size=0", "-S"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4,id=exit"),
    )
    try:
        machine.command_qmp("cont")
        with contextlib.suppress(QMPError, EOFError, OSError):  # QEMU ends when the guest is done
            while True:
                machine.qom_set("buddy0", "fault", "stuck-busy")
                machine.qom_set("buddy0", "fault", "stuck-busy,off")
        assert machine.process.wait(TIMEOUT) == 0x10 << 1 | 1, machine.stderr()
        return machine.records()
    finally:
        machine.close()


def test_no_number_is_missing_and_time_does_not_go_back(records: list[Record]) -> None:
    assert [record["seq"] for record in records] == list(range(len(records)))
    times = [record["t"] for record in records]
    assert times == sorted(times)


@pytest.mark.parametrize("processor", [0, 1])
def test_each_processor_has_its_own_order(records: list[Record], processor: int) -> None:
    """A line, the write after it, the read after that and its violation, round after round, whatever else is in between."""
    expected, seen = [], []
    for number in range(LOOPS):
        expected += [("trace", f"kernel step n={number:#010x}"), ("write", number), ("read", 0xFFFF), ("violation", processor)]
    for record in records:
        if record["kind"] == "trace" and record["cpu"] == processor:
            seen.append(("trace", record["line"]))
        elif record["kind"] in ("read", "write") and record["client"] == processor and record["reg"] != "GATE":
            seen.append((record["kind"], record["value"]))
        elif record["kind"] == "violation" and record["client"] == processor:
            seen.append(("violation", processor))
    assert seen == expected


def test_a_violation_follows_the_access_that_it_names(records: list[Record]) -> None:
    violations = [record for record in records if record["kind"] == "violation"]
    assert len(violations) == 2 * LOOPS
    for violation in violations:
        access = records[violation["ref"]]
        assert violation["seq"] == access["seq"] + 1
        assert (access["kind"], access["size"], access["client"]) == ("read", 2, violation["client"])


def test_the_main_loop_has_its_order_too_and_came_in_between(records: list[Record]) -> None:
    faults = [record["event"] for record in records if record["kind"] == "fault"]
    assert faults == (["arm", "disarm"] * len(faults))[: len(faults)]
    work = [record["seq"] for record in records if record["kind"] == "trace"]
    between = [r for r in records if r["kind"] == "fault" and work[0] < r["seq"] < work[-1]]
    assert between, "the faults were all armed before or after the guest's work; the test shows nothing"

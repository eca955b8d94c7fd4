# SPDX-License-Identifier: MIT
"""The journal when nobody takes it: a full disk, a disk that fills up in a run, a reader that never reads.

The guest is never blocked, what cannot be kept is counted, and QEMU says at its end what is lost.
"""

from __future__ import annotations

import json
import re
import resource
import socket

import pytest
from firmware import assemble
from qemu.qmp import QMPError

from tests.device.conftest import HERE, ROOT_PORT, Board, Start
from tests.device.qtest import TIMEOUT, Machine, Options, Record
from tests.device.registers import Client

SMALL = 128 * 1024  # the least that may wait


def board_with(start: Start, options: Options, *chardev: str, limit: int = SMALL) -> Board:
    """buddy0, and a journal of the test's own."""
    options.journal = False
    trace = f"buddy-trace,id=trace,chardev=j,limit={limit}"
    return Board(start(*chardev, "-device", trace, *ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0"))


def read_until_dropped(board: Board, count: int) -> int:
    """Read a register until so many records are dropped. Returns the number of reads."""
    reads = 0
    while board.machine.qom_get("trace", "dropped") < count:
        for _ in range(500):
            board.reg(0, Client.ID)
        reads += 500
        assert reads < 100_000, "the journal takes more than its limit"
    return reads


def told_lost(machine: Machine) -> int:
    """How many records QEMU said at its end to be lost."""
    found = re.search(r"the last (\d+) records of the journal are lost", machine.stderr())
    return int(found[1]) if found else 0


def test_a_full_disk_is_told_at_once_and_at_the_end(start: Start, options: Options) -> None:
    board = board_with(start, options, "-chardev", "file,id=j,path=/dev/full")
    read_until_dropped(board, 1000)
    with pytest.raises(QMPError, match="the journal cannot be written for now: No space left on device"):
        board.machine.qom_set("trace", "flush", True)
    board.machine.qom_set("trace", "detail", "counters")
    counters = board.machine.qom_get("buddy0", "counters")
    assert board.reg(0, Client.ID) == 0x42554459
    assert board.machine.qom_get("buddy0", "counters")["reads"]["0"] == counters["reads"]["0"] + 1
    made = board.machine.qom_get("trace", "written") + board.machine.qom_get("trace", "dropped")
    board.machine.close()
    assert "the journal cannot be written for now: No space left on device" in board.machine.stderr()
    assert told_lost(board.machine) in (made, made + 1)  # with `close`, if there was room for it to wait


def limit_file(machine: Machine, size: int) -> None:
    """From here on QEMU can make files only so large."""
    resource.prlimit(machine.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def whole(records: list[Record]) -> bool:
    """No number is missing."""
    return [record["seq"] for record in records] == list(range(len(records)))


def test_a_disk_that_is_full_for_a_while_costs_no_record(buddy: Board) -> None:
    machine = buddy.machine
    size = machine.journal_path.stat().st_size
    limit_file(machine, size + 1000)
    for _ in range(2000):
        buddy.reg(0, Client.ID)
    with pytest.raises(QMPError, match="File too large"):
        machine.qom_set("trace", "flush", True)
    assert machine.journal_path.stat().st_size == size + 1000
    limit_file(machine, resource.RLIM_INFINITY)
    records = machine.journal()
    assert whole(records)
    assert sum(record["kind"] == "read" for record in records) == 2000
    assert machine.qom_get("trace", "dropped") == 0


def test_a_disk_that_fills_up_and_is_emptied_leaves_a_count_of_what_is_lost(start: Start, options: Options) -> None:
    path = options.workdir / "small.jsonl"
    board = board_with(start, options, "-chardev", f"file,id=j,path={path}")
    machine = board.machine
    machine.qom_set("trace", "flush", True)
    limit_file(machine, path.stat().st_size + 1000)
    before = machine.qom_get("buddy0", "counters")["reads"]["0"]
    reads = read_until_dropped(board, 500)
    dropped = machine.qom_get("trace", "dropped")
    limit_file(machine, resource.RLIM_INFINITY)
    machine.qom_set("trace", "flush", True)
    board.reg(0, Client.SCRATCH)
    machine.close()
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert whole(records)
    assert [record["count"] for record in records if record["kind"] == "dropped"] == [dropped]
    assert sum(record["kind"] == "read" and record["reg"] == "ID" for record in records) == before + reads - dropped
    assert records[-2]["reg"] == "SCRATCH"
    assert records[-1]["kind"] == "close"
    assert told_lost(machine) == 0


def test_a_reader_that_never_reads_does_not_keep_qemu_from_ending(start: Start, options: Options) -> None:
    ours, theirs = socket.socketpair()
    options.inherit.append(theirs.fileno())
    board = board_with(start, options, "-chardev", f"socket,id=j,fd={theirs.fileno()}")
    theirs.close()
    read_until_dropped(board, 100)
    with pytest.raises(QMPError, match="its reader does not read"):
        board.machine.qom_set("trace", "flush", True)
    made = board.machine.qom_get("trace", "written") + board.machine.qom_get("trace", "dropped")
    board.machine.close()
    ours.settimeout(TIMEOUT)
    received = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    ours.close()
    *lines, rest = received.split(b"\n")
    assert whole([json.loads(line) for line in lines])
    assert told_lost(board.machine) in (made - len(lines), made - len(lines) + 1), rest


def test_a_guest_at_full_speed_is_not_held_up_by_a_full_disk(options: Options) -> None:
    options.accel, options.journal = "tcg", False
    image = assemble(HERE / "clock_guest.S", options.workdir, LOOPS=100_000, SLEEP=0)
    machine = Machine(
        options,
        *("-chardev", "file,id=j,path=/dev/full", "-device", f"buddy-trace,id=trace,chardev=j,limit={SMALL}"),
        *("-bios", str(image), "-device", "buddy,id=buddy0,addr=5,ram-size=0"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
    )
    assert machine.process.wait(TIMEOUT) == 0x10 << 1 | 1, machine.stderr()
    machine.close()
    assert told_lost(machine) >= 400_000

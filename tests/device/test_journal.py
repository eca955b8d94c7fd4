# SPDX-License-Identifier: MIT
"""The journal: detail levels, exact counters, trace lines, slow readers, a second journal, no journal at all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.device.conftest import ROOT_PORT, Board, Start
from tests.device.qtest import Options, QtestError
from tests.device.registers import Client

NEEDS_MODULE = pytest.mark.skipif(os.environ.get("BUDDY_MODULE") == "in-tree", reason="the devices are built into this QEMU")


def exercise(board: Board) -> None:
    """Four accesses by each client, three of them by a closed gate; one job."""
    for page in (0, 1):
        board.set_reg(page, Client.SEM, 1)
        board.reg(page, Client.SEM)
        board.reg(page, Client.ID, 2)
        board.reg(page, Client.SCRATCH)


@pytest.mark.parametrize("detail", ["counters", "events", "full"])
def test_counters_are_exact_at_every_detail(buddy: Board, detail: str) -> None:
    buddy.machine.qom_set("trace", "detail", detail)
    before = buddy.machine.qom_get("buddy0", "counters")
    exercise(buddy)
    after = buddy.machine.qom_get("buddy0", "counters")
    assert after["reads"] == {"0": before["reads"]["0"] + 3, "1": before["reads"]["1"] + 3}
    assert after["writes"] == {"0": before["writes"]["0"] + 1, "1": before["writes"]["1"] + 1}
    assert after["rules"] == {"access-size": 1, "gate-closed": 4}
    assert buddy.machine.qom_get("trace", "violations") == 5
    kinds = {record["kind"] for record in buddy.machine.new_records()}
    expected = {"counters": set(), "events": {"semaphore", "violation"}, "full": {"read", "write", "semaphore", "violation"}}
    assert kinds == expected[detail]


def test_violations_name_no_record_when_there_is_none(buddy: Board) -> None:
    buddy.machine.qom_set("trace", "detail", "events")
    buddy.reg(1, Client.ID)
    (violation,) = buddy.machine.new_records()
    assert "ref" not in violation


def test_a_write_stands_before_its_consequences(buddy: Board) -> None:
    buddy.set_reg(0, Client.SEM, 1)
    buddy.set_reg(0, Client.JOB_CTRL, 1)
    assert [record["kind"] for record in buddy.machine.new_records()] == ["write", "semaphore", "write", "job"]


def test_trace_lines_are_recorded_with_anything_in_them(buddy: Board) -> None:
    line = 'owner start status=0x0 odd="\\ \t\x7f'
    buddy.machine.trace_line(line)
    buddy.machine.trace_line("")
    buddy.machine.trace_line("x" * 2000)
    records = buddy.machine.new_records()
    assert [record["line"] for record in records] == [line, "", "x" * 1000]
    assert {(record["dev"], record["kind"], record["cpu"]) for record in records} == {("trace", "trace", -1)}


def test_wide_writes_carry_several_bytes_of_a_line(buddy: Board) -> None:
    buddy.machine.outl(0xB00, int.from_bytes(b"abcd", "little"))
    buddy.machine.outw(0xB00, int.from_bytes(b"e\n", "little"))
    assert buddy.machine.inb(0xB00) == 0x62
    assert buddy.machine.new_records()[-1]["line"] == "abcde"


def test_a_device_that_stands_before_the_journal_is_told(start: Start, options: Options) -> None:
    options.journal = False
    path = options.workdir / "journal.jsonl"
    machine = start(
        *ROOT_PORT,
        *(
            "-device",
            "buddy,id=buddy0,bus=rp0",
            "-chardev",
            f"file,id=j,path={path}",
            "-device",
            "buddy-trace,id=trace,chardev=j",
        ),
    )
    kinds = [(r["dev"], r["kind"]) for r in machine.journal()]
    assert kinds[:2] == [("journal", "open"), ("buddy0", "slot")]


def test_devices_work_and_count_without_a_journal(start: Start, options: Options) -> None:
    options.journal = False
    board = Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0"))
    exercise(board)
    assert board.machine.qom_get("buddy0", "counters")["violations"] == 5
    board.machine.yank("buddy0")


def test_a_second_journal_is_refused(start: Start, options: Options) -> None:
    arguments = ("-chardev", f"file,id=j2,path={options.workdir / 'second'}", "-device", "buddy-trace,chardev=j2,iobase=0xb10")
    with pytest.raises(QtestError, match="there is one journal"):
        start(*arguments)


def test_a_slow_reader_neither_blocks_the_guest_nor_loses_records_silently(start: Start, options: Options) -> None:
    """The journal goes to a socket that nobody reads until more was written than is held for its reader."""
    options.journal = False
    ours, theirs = socket.socketpair()
    options.inherit.append(theirs.fileno())
    board = Board(
        start(
            *("-chardev", f"socket,id=j,fd={theirs.fileno()}", "-device", "buddy-trace,id=trace,chardev=j,limit=128K"),
            *(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0"),
        )
    )
    theirs.close()
    machine = board.machine
    while (dropped := machine.qom_get("trace", "dropped")) == 0:
        for _ in range(100):
            board.reg(0, Client.ID)
    received = bytearray()
    reader = threading.Thread(target=receive_all, args=(ours, received))
    reader.start()
    deadline = time.monotonic() + 20
    while b'"kind":"dropped"' not in received and time.monotonic() < deadline:
        board.reg(0, Client.ID)
    machine.close()
    reader.join()
    ours.close()
    records = [json.loads(line) for line in received.decode().splitlines()]
    assert sum(record["count"] for record in records if record["kind"] == "dropped") >= dropped
    assert [record["seq"] for record in records] == list(range(len(records)))


def receive_all(source: socket.socket, into: bytearray) -> None:
    """Read until the other end closes."""
    while data := source.recv(65536):
        into += data


@NEEDS_MODULE
def test_module_is_refused_by_another_version_before_anything_happens(module: Path, tmp_path: Path) -> None:
    """The check itself: a module that claims to be for another version, in the QEMU that is here."""
    source = Path(__file__).resolve().parents[2] / "qemu-device" / "src" / "loader.c"
    other = tmp_path / "buddy.so"
    subprocess.run(
        [
            *("gcc", "-shared", "-fPIC", "-o", str(other), str(source)),
            *('-DBUILT_FOR="6.6.6 (Debian 1:6.6.6+dfsg-1)"', '-DREBUILD="make -C qemu-device"'),
        ],
        check=True,
    )
    (tmp_path / "buddy-devices.so").symlink_to(module.parent / "buddy-devices.so")
    result = subprocess.run(
        [os.environ.get("BUDDY_QEMU", "qemu-system-x86_64"), "-device", "buddy,help"],
        env=dict(os.environ, LD_PRELOAD=str(other)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "built for QEMU 6.6.6 (Debian 1:6.6.6+dfsg-1), but QEMU " in result.stderr
    assert "make -C qemu-device" in result.stderr
    assert "buddy options" not in result.stdout


@NEEDS_MODULE
def test_module_leaves_other_programs_alone(module: Path, options: Options) -> None:
    result = subprocess.run(
        ["sh", "-c", "echo fine"],
        env=dict(os.environ, LD_PRELOAD=f"{options.preload} {module}".strip(), ASAN_OPTIONS="detect_leaks=0"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("fine\n", "")


@NEEDS_MODULE
def test_module_json_names_the_version(module: Path) -> None:
    content = json.loads((module.parent / "module.json").read_text())
    assert content["qemu_version"][0].isdigit()
    assert len(content["source_hash"]) == 16

# SPDX-License-Identifier: MIT
"""Each register of both devices, accessed in each size and at each alignment: only aligned 32-bit accesses do anything."""

from __future__ import annotations

import itertools

import pytest

from tests.device.conftest import ROOT_PORT, Board, Start
from tests.device.registers import Client, Register, block

SHAPES = [(size, shift) for size, shift in itertools.product((1, 2, 4, 8), range(4)) if (size, shift) != (4, 0)]
BUDDY = [*block("buddy", "client").values(), *block("buddy", "owner").values()]
FRED = [*block("fredbus", "bus").values(), *block("fredbus", "slot").values()]
COUNTS_VIOLATIONS = "VIOLATIONS"


def name(register: Register) -> str:
    """What a test is called after."""
    return f"{register.block}-{register.name}"


def check(board: Board, address: int, register: Register) -> None:
    """All shapes of access to a register."""
    before = board.reg(0, address)
    board.machine.new_records()
    for size, shift in SHAPES:
        ones = (1 << 8 * size) - 1
        assert board.reg(0, address + shift, size) == ones, (size, shift)
        board.set_reg(0, address + shift, ones, size)
        read, first, write, second = board.machine.new_records()
        where = register.name + (f"+{shift}" if shift else "")
        for access, violation, kind in ((read, first, "read"), (write, second, "write")):
            assert (access["kind"], access["size"], access["offset"], access["value"]) == (kind, size, address + shift, ones)
            assert access["reg"].endswith(where)
            assert (violation["rule"], violation["ref"]) == ("access-size", access["seq"])
    after = board.reg(0, address)
    assert after == before + (2 * len(SHAPES) if register.name == COUNTS_VIOLATIONS else 0)


@pytest.mark.parametrize("register", BUDDY, ids=name)
def test_buddy(buddy: Board, register: Register) -> None:
    buddy.set_reg(0, Client.SCRATCH, 0x5A5A5A5A)
    check(buddy, register.offset + (0x800 if register.block == "owner" else 0), register)
    assert buddy.reg(0, Client.SCRATCH) == 0x5A5A5A5A


@pytest.mark.parametrize("register", FRED, ids=name)
def test_fredbus(start: Start, register: Register) -> None:
    board = Board(start(*ROOT_PORT, "-device", "fredbus,id=fred0,bus=rp0", "-device", "fred-toaster,bus=fred0.0,slot=0,serial=5"))
    check(board, register.offset + (0x400 if register.block == "slot" else 0), register)


def test_the_io_window(start: Start) -> None:
    board = Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0,ioport=on"))
    machine, io = board.machine, board.device.bars[1]
    machine.outl(io, Client.SCRATCH)
    machine.outl(io + 4, 77)
    for size, offset in itertools.product((1, 2, 4), range(8)):
        if (size == 4 and offset % 4 == 0) or offset + size > 8:
            continue
        machine.new_records()
        ones = (1 << 8 * size) - 1
        assert int(machine.qtest(f"in{'_bw_l'[size]} {io + offset:#x}")[0], 0) == ones
        machine.qtest(f"out{'_bw_l'[size]} {io + offset:#x} {ones:#x}")
        read, first, write, second = machine.new_records()
        for access, violation, kind in ((read, first, "read"), (write, second, "write")):
            assert (access["kind"], access["size"], access["offset"], access["value"]) == (kind, size, offset, ones)
            assert access["reg"] == ("IO_INDEX" if offset < 4 else "IO_DATA")
            assert (violation["rule"], violation["ref"]) == ("access-size", access["seq"])
    assert (machine.inl(io), machine.inl(io + 4)) == (Client.SCRATCH, 77)

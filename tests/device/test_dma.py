# SPDX-License-Identifier: MIT
"""Scatter-gather DMA: rings, directions, interrupts, valid and invalid addresses, with and without bus mastering."""

from __future__ import annotations

import struct

import pytest

from tests.device.conftest import Board
from tests.device.pci import COMMAND_MEMORY
from tests.device.registers import DMA, DMA_ADDRESS, DMA_BUSY, DMA_MASTER, DMA_RING, Client

RING, SOURCE, TARGET = 0x200000, 0x300000, 0x400000
INTERRUPT, SOURCE_RAM, TARGET_RAM = 1, 2, 4
DONE, FAILED = 1, 2
HOLE = 0xD0000000  # nothing is there
BEYOND = 0x7000000000


def put(board: Board, index: int, source: int, target: int, length: int, control: int = 0, ring: int = RING) -> None:
    """Fill a descriptor."""
    board.machine.write_bytes(ring + 32 * index, struct.pack("<QQIIII", source, target, length, control, 0, 0))


def result(board: Board, index: int, ring: int = RING) -> tuple[int, int]:
    """(bytes done, status) of a descriptor."""
    done, status = struct.unpack("<II", board.machine.read_bytes(ring + 32 * index + 24, 8))
    return done, status


def set_up(board: Board, client: int = 0, size: int = 8, ring: int = RING) -> None:
    """Give a client a ring and let the engine use it."""
    board.set_reg(0, Client.GATE, 3)
    board.set_reg(client, Client.DMA_BASE_LO, ring)
    board.set_reg(client, Client.DMA_SIZE, size)
    board.set_reg(client, Client.DMA_CTRL, 1)
    board.machine.new_records()


def test_a_copy_takes_time_and_interrupts_when_asked(buddy: Board) -> None:
    set_up(buddy)
    buddy.device.enable_msix(1)
    buddy.set_reg(0, Client.INT_ENABLE, DMA)
    data = bytes(i * 7 & 0xFF for i in range(5000))
    buddy.machine.write_bytes(SOURCE, data)
    put(buddy, 0, SOURCE, TARGET, len(data), INTERRUPT)
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    assert buddy.reg(0, Client.STATUS) & DMA_BUSY
    buddy.machine.step(5_999)
    assert result(buddy, 0) == (0, 0)
    buddy.machine.step(1)
    assert result(buddy, 0) == (len(data), DONE)
    assert buddy.machine.read_bytes(TARGET, len(data)) == data
    assert buddy.device.message() == 0x5000
    assert buddy.reg(0, Client.DMA_TAIL) == 1
    assert buddy.reg(0, Client.STATUS) & DMA_BUSY == 0
    assert [r["event"] for r in buddy.machine.new_records() if r["kind"] == "dma"] == ["fetch", "copy", "complete"]


def test_the_ring_wraps(buddy: Board) -> None:
    set_up(buddy, size=4)
    for index in range(10):
        buddy.machine.write_bytes(SOURCE, bytes([index]) * 16)
        put(buddy, index % 4, SOURCE, TARGET + 16 * index, 16)
        buddy.set_reg(0, Client.DMA_HEAD, index + 1)  # modulo the size
        buddy.machine.step(2_000)
    assert buddy.reg(0, Client.DMA_TAIL) == 10 % 4
    assert buddy.machine.read_bytes(TARGET, 160) == b"".join(bytes([i]) * 16 for i in range(10))


def test_shared_ram_is_a_source_and_a_target(buddy: Board) -> None:
    set_up(buddy)
    buddy.machine.write_bytes(SOURCE, b"to the device..!")
    put(buddy, 0, SOURCE, 0x40, 16, TARGET_RAM)
    put(buddy, 1, 0x40, TARGET, 16, SOURCE_RAM)
    buddy.set_reg(0, Client.DMA_HEAD, 2)
    buddy.machine.step(10_000)
    assert buddy.machine.read_bytes(buddy.device.bars[2] + 0x40, 16) == b"to the device..!"
    assert buddy.machine.read_bytes(TARGET, 16) == b"to the device..!"


def test_two_clients_take_turns(buddy: Board) -> None:
    set_up(buddy, 0)
    set_up(buddy, 1, ring=RING + 0x1000)
    for index in range(2):
        put(buddy, index, SOURCE, TARGET, 4096)
        put(buddy, index, SOURCE, TARGET, 4096, ring=RING + 0x1000)
    buddy.set_reg(0, Client.DMA_HEAD, 2)
    buddy.set_reg(1, Client.DMA_HEAD, 2)
    buddy.machine.step(100_000)
    completed = [r["client"] for r in buddy.machine.new_records() if r["kind"] == "dma" and r["event"] == "complete"]
    assert completed == [0, 1, 0, 1]


@pytest.mark.parametrize("bad", ["ring", "source", "target", "length", "ram"])
@pytest.mark.parametrize("hole", [HOLE, BEYOND])
def test_invalid_addresses_fail_halt_the_ring_and_are_violations(buddy: Board, bad: str, hole: int) -> None:
    set_up(buddy, ring=hole if bad == "ring" else RING)
    if bad == "ring":
        buddy.set_reg(0, Client.DMA_BASE_HI, hole >> 32)
    put(
        buddy,
        0,
        hole if bad == "source" else SOURCE,
        0x10000 if bad == "ram" else hole if bad == "target" else TARGET,
        0x100001 if bad == "length" else 64,
        TARGET_RAM if bad == "ram" else 0,
    )
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    buddy.machine.step(2_000_000)
    assert buddy.reg(0, Client.ERROR) == DMA_ADDRESS
    assert buddy.machine.violations() == ["dma-bad-address"]
    assert buddy.reg(0, Client.DMA_TAIL) == 0
    if bad != "ring":
        assert result(buddy, 0) == (0, DONE | FAILED)
    buddy.set_reg(0, Client.DMA_CTRL, 3)
    buddy.set_reg(0, Client.DMA_BASE_HI, 0)
    buddy.set_reg(0, Client.DMA_BASE_LO, RING)
    put(buddy, 0, SOURCE, TARGET, 64)
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    buddy.machine.step(10_000)
    assert result(buddy, 0) == (64, DONE)


def test_without_bus_mastering_nothing_moves(buddy: Board) -> None:
    set_up(buddy)
    put(buddy, 0, SOURCE, TARGET, 64)
    buddy.device.command(COMMAND_MEMORY)
    buddy.machine.new_records()
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    assert buddy.reg(0, Client.ERROR) == DMA_MASTER
    records = buddy.machine.new_records()
    (violation,) = [r for r in records if r["kind"] == "violation"]
    assert violation["rule"] == "dma-without-bus-master"
    assert records[0]["seq"] == violation["ref"]
    assert result(buddy, 0) == (0, 0)


def test_bus_mastering_switched_off_under_way(buddy: Board) -> None:
    set_up(buddy)
    put(buddy, 0, SOURCE, TARGET, 64)
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    buddy.device.command(COMMAND_MEMORY)
    buddy.machine.step(10_000)
    assert buddy.reg(0, Client.ERROR) == DMA_MASTER
    assert buddy.machine.violations() == ["dma-without-bus-master"]


@pytest.mark.parametrize(("size", "control"), [(0, 1), (1, 1), (3, 1), (1536, 1), (8, 0)])
def test_a_ring_that_makes_no_sense_is_refused(buddy: Board, size: int, control: int) -> None:
    set_up(buddy, size=size)
    buddy.set_reg(0, Client.DMA_CTRL, control)
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    assert buddy.reg(0, Client.ERROR) == DMA_RING
    assert buddy.machine.violations() == ["dma-bad-ring"]


def test_power_down_with_dma_under_way_is_a_violation(buddy: Board) -> None:
    set_up(buddy)
    put(buddy, 0, SOURCE, TARGET, 64)
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    buddy.device.set_power(3)
    assert buddy.machine.violations() == ["busy-at-power-down"]
    buddy.machine.step(1_000_000)
    assert result(buddy, 0) == (0, 0)

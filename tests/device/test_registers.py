# SPDX-License-Identifier: MIT
"""Every register and field against its description: reset values, writable and read-only bits, sizes and alignments."""

from __future__ import annotations

import pytest

from tests.device.conftest import Board
from tests.device.registers import Client, Register, block

CLIENT_REGISTERS = list(block("buddy", "client").values())
OWNER_REGISTERS = list(block("buddy", "owner").values())
# Reset values that depend on the device's properties: two clients, two vectors, DMA, 16 pages of RAM; and the semaphore's
# reading back of the holder.
PROPERTY_VALUES = {"CAPS": 2 | 2 << 8 | 1 << 17 | 16 << 20}
# Registers whose writing has effects beyond the register; their own tests cover them.
ACTIVE = {"SEM", "DMA_HEAD", "GATE"}


def address_of(register: Register) -> int:
    """Offset in page 0."""
    return register.offset + (0x800 if register.block == "owner" else 0)


@pytest.mark.parametrize("page", [0, 1])
def test_reset_values(buddy: Board, page: int) -> None:
    buddy.set_reg(0, Client.GATE, 3)
    for register in CLIENT_REGISTERS:
        expected = PROPERTY_VALUES.get(register.name, register.reset)
        expected = page if register.name == "CLIENT" else expected
        assert buddy.reg(page, register.offset) == expected, register.name
    assert "violation" not in {record["kind"] for record in buddy.machine.new_records()}


@pytest.mark.parametrize(
    "register", [r for r in CLIENT_REGISTERS + OWNER_REGISTERS if r.name not in ACTIVE], ids=lambda r: r.name
)
def test_plain_bits_keep_what_is_written_and_the_others_do_not(buddy: Board, register: Register) -> None:
    writable = register.mask("rw")
    before = buddy.reg(0, address_of(register))
    if register.mask("rw", "w1c", "wo") == 0:
        buddy.set_reg(0, address_of(register), 0xFFFFFFFF)
        counted = register.name == "VIOLATIONS"  # counts this very write
        assert buddy.reg(0, address_of(register)) == before + counted
        assert buddy.machine.violations() == ["write-read-only"]
        return
    if register.mask("wo"):
        assert before & register.mask("wo") == 0  # commands read 0
    if not writable:
        return
    for value in (0xFFFFFFFF, 0, 0x5A5A5A5A, 0xA5A5A5A5):
        buddy.set_reg(0, address_of(register), value & ~register.mask("wo"))
        assert buddy.reg(0, address_of(register)) & writable == value & writable


def test_reserved_offsets_read_zero_and_are_violations(buddy: Board) -> None:
    known = {address_of(r) for r in CLIENT_REGISTERS + OWNER_REGISTERS}
    reserved = [offset for offset in range(0, 0x1000, 4) if offset not in known]
    for offset in reserved[:: len(reserved) // 40]:
        assert buddy.reg(0, offset) == 0
        buddy.set_reg(0, offset, 0xFFFFFFFF)
        assert buddy.machine.violations() == ["access-reserved"] * 2, hex(offset)


def test_the_borrower_has_no_owner_registers(buddy: Board) -> None:
    buddy.set_reg(0, Client.GATE, 3)
    assert buddy.reg(1, Client.GATE) == 0
    assert buddy.machine.violations() == ["access-reserved"]


@pytest.mark.parametrize("clients", [2, 3, 8])
def test_number_of_client_pages_follows_the_property(make_buddy, clients: int) -> None:  # type: ignore[no-untyped-def]
    board = make_buddy(f"clients={clients}")
    board.set_reg(0, Client.GATE, 0xFF)
    assert board.reg(0, Client.GATE) == (1 << clients) - 1
    for page in range(clients):
        assert board.reg(page, Client.CLIENT) == page
    if clients == 3:
        assert board.reg(3, Client.ID) == 0
        assert board.machine.violations() == ["access-reserved"]


def test_shared_ram_is_memory(buddy: Board) -> None:
    data = bytes(range(256)) * 4
    buddy.machine.write_bytes(buddy.device.bars[2] + 0x100, data)
    assert buddy.machine.read_bytes(buddy.device.bars[2] + 0x100, len(data)) == data


def test_serial_number_capability(buddy: Board) -> None:
    offset = buddy.device.extended_capability(3)
    assert buddy.device.config_read(offset + 4) == 0x55667788
    assert buddy.device.config_read(offset + 8) == 0x11223344

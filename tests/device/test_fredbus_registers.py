# SPDX-License-Identifier: MIT
"""Every register of fredbus and of a slot with a child against its description: reset values, bits, sizes, reserved offsets."""

from __future__ import annotations

import pytest

from tests.device.conftest import Board
from tests.device.registers import Register, block

BUS = list(block("fredbus", "bus").values())
SLOT = list(block("fredbus", "slot").values())
# Values of this machine: eight slots, and in slot 0 the toaster below.
VALUES = {"SLOTS": 8}
TOASTER = {"STATUS": 1 | 1 << 8 | 1 << 24, "SERIAL": 5, "PROPERTY": 3, "COLOUR": 0x123456}
ACTIVE = {"WORK"}  # needs a child that is switched on; see test_fredbus.py


@pytest.fixture
def toaster(fredbus: Board) -> Board:
    """A toaster in slot 0, its arrival acknowledged."""
    fredbus.machine.command_qmp(
        "device_add", driver="fred-toaster", id="t0", bus="fred0.0", slot=0, serial=5, slices=3, colour=0x123456
    )
    fredbus.set_reg(0, 0x18, 1)
    fredbus.set_reg(0, 0x10, 1)
    fredbus.machine.new_records()
    return fredbus


def address_of(register: Register) -> int:
    """Offset in BAR0, in slot 0 for slot registers."""
    return register.offset + (0x400 if register.block == "slot" else 0)


def expected(register: Register) -> int:
    """Value when nothing was written yet."""
    known = TOASTER if register.block == "slot" else VALUES
    return known.get(register.name, register.reset)


@pytest.mark.parametrize("register", BUS + SLOT, ids=lambda r: f"{r.block}-{r.name}")
def test_value_before_anything_is_written(toaster: Board, register: Register) -> None:
    assert toaster.reg(0, address_of(register)) == expected(register)
    assert toaster.machine.violations() == []


@pytest.mark.parametrize("register", [r for r in BUS + SLOT if r.name not in ACTIVE], ids=lambda r: f"{r.block}-{r.name}")
def test_bits_that_can_be_written_and_bits_that_cannot(toaster: Board, register: Register) -> None:
    address, writable = address_of(register), register.mask("rw")
    if not register.mask("rw", "w1c", "wo"):
        toaster.set_reg(0, address, 0xFFFFFFFF)
        assert toaster.reg(0, address) == expected(register)
        assert toaster.machine.violations() == ["write-read-only"]
        return
    for value in (0xFFFFFFFF, 0, 0x5A5A5A5A):
        toaster.set_reg(0, address, value & ~register.mask("wo"))
        assert toaster.reg(0, address) & writable == value & writable
        assert toaster.reg(0, address) & ~writable == expected(register) & ~writable


def test_reserved_offsets(toaster: Board) -> None:
    known = {address_of(r) for r in BUS + SLOT} | {0x400 + 0x40 * slot + r.offset for slot in range(8) for r in SLOT}
    for offset in [o for o in range(0, 0x1000, 4) if o not in known][::25]:
        assert toaster.reg(0, offset) == 0
        toaster.set_reg(0, offset, 1)
        assert toaster.machine.violations() == ["access-reserved"] * 2, hex(offset)


def test_registers_of_the_bus_in_d3hot(toaster: Board) -> None:
    toaster.set_reg(0, 0x404, 4)
    toaster.device.set_power(3)
    assert toaster.reg(0, 0x400) == 0xFFFFFFFF
    assert toaster.machine.violations() == ["access-not-in-d0"]
    toaster.device.set_power(0)
    toaster.enumerate()
    assert toaster.reg(0, 0x400) == TOASTER["STATUS"]  # the child is still there, but switched off

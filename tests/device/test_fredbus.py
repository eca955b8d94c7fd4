# SPDX-License-Identifier: MIT
"""fredbus: enumeration, hot-plug of children, the eject handshake, work and interrupts, yank, removal of the whole bus."""

from __future__ import annotations

from typing import Any

import pytest
from qemu.qmp.error import QMPError

from tests.device.conftest import Board, Start

ID, SLOTS, INT_STATUS, INT_ENABLE = 0x000, 0x008, 0x010, 0x014
CHANGED, EJECT_REQUESTED, CHILD_PENDING = 0x018, 0x01C, 0x020
CHANGE, EJECT, CHILD = 1, 2, 4
STATUS, CONTROL, SERIAL, PROPERTY, COLOUR = 0x00, 0x04, 0x08, 0x0C, 0x10
SLOT_INT_STATUS, SLOT_INT_ENABLE, WORK, WORK_COUNT = 0x14, 0x18, 0x1C, 0x20
DO_EJECT, DO_KEEP, POWER_ON, POWER_OFF = 1, 2, 4, 8
PRESENT, EJECT_REQUEST, POWERED = 1, 2, 4


def slot(index: int, register: int) -> int:
    """Offset of a slot's register."""
    return 0x400 + 0x40 * index + register


def add(board: Board, driver: str, name: str, **properties: Any) -> None:
    """device_add on the Fred Bus."""
    board.machine.command_qmp("device_add", driver=driver, id=name, bus="fred0.0", **properties)


def children(board: Board) -> list[tuple[str, int, str, int]]:
    """The new `child` records."""
    return [(r["event"], r["slot"], r["child"], r["serial"]) for r in board.machine.new_records() if r["kind"] == "child"]


def test_the_controller_identifies_itself(fredbus: Board) -> None:
    assert fredbus.reg(0, ID) == 0x46524544
    assert fredbus.reg(0, SLOTS) == 8


def test_a_plugged_toaster_is_told_by_interrupt_and_described_by_its_slot(fredbus: Board) -> None:
    fredbus.device.enable_msi()
    fredbus.set_reg(0, INT_ENABLE, CHANGE)
    add(fredbus, "fred-toaster", "t0", slot=3, serial=77, slices=4, colour=0xFF0000)
    assert fredbus.device.message() == 0x4000
    assert fredbus.reg(0, INT_STATUS) == CHANGE
    assert fredbus.reg(0, CHANGED) == 1 << 3
    status = fredbus.reg(0, slot(3, STATUS))
    assert (status & PRESENT, status >> 8 & 0xF, status >> 24) == (1, 1, 1)
    assert [fredbus.reg(0, slot(3, r)) for r in (SERIAL, PROPERTY, COLOUR)] == [77, 4, 0xFF0000]
    assert ("plug", 3, "toaster", 77) in children(fredbus)


def test_children_take_the_first_free_slot(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    add(fredbus, "fred-oven", "o0")
    assert fredbus.reg(0, CHANGED) == 3
    assert fredbus.reg(0, slot(1, STATUS)) >> 8 & 0xF == 2
    with pytest.raises(QMPError, match="slot 1 of fred0 is taken by 'o0'"):
        add(fredbus, "fred-oven", "o1", slot=1)
    with pytest.raises(QMPError, match="has slots 0 to 7"):
        add(fredbus, "fred-oven", "o1", slot=8)


def test_device_del_asks_the_guest_and_completes_when_it_ejects(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    fredbus.set_reg(0, CHANGED, 1)
    fredbus.machine.command_qmp("device_del", id="t0")
    assert fredbus.reg(0, INT_STATUS) & EJECT
    assert fredbus.reg(0, EJECT_REQUESTED) == 1
    assert fredbus.reg(0, slot(0, STATUS)) & EJECT_REQUEST
    fredbus.set_reg(0, slot(0, CONTROL), DO_EJECT)
    fredbus.machine.wait_event("DEVICE_DELETED", device="t0")
    assert fredbus.reg(0, slot(0, STATUS)) & PRESENT == 0
    assert fredbus.reg(0, CHANGED) == 1
    assert fredbus.reg(0, EJECT_REQUESTED) == 0
    assert [event for event, *_ in children(fredbus)] == ["plug", "eject-request", "eject"]


def test_a_guest_that_keeps_the_child_is_reported(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    fredbus.machine.command_qmp("device_del", id="t0")
    fredbus.set_reg(0, slot(0, CONTROL), DO_KEEP)
    fredbus.machine.wait_event("DEVICE_UNPLUG_GUEST_ERROR", device="t0")
    assert fredbus.reg(0, slot(0, STATUS)) & (PRESENT | EJECT_REQUEST) == PRESENT
    fredbus.machine.command_qmp("device_del", id="t0")  # may be asked again at once
    fredbus.set_reg(0, slot(0, CONTROL), DO_EJECT)
    fredbus.machine.wait_event("DEVICE_DELETED", device="t0")


def test_work_takes_virtual_time_and_interrupts_through_the_controller(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    fredbus.device.enable_msix(1)
    fredbus.set_reg(0, INT_ENABLE, CHILD)
    fredbus.set_reg(0, slot(0, CONTROL), POWER_ON)
    fredbus.set_reg(0, slot(0, SLOT_INT_ENABLE), 1)
    fredbus.set_reg(0, slot(0, WORK), 100)
    fredbus.machine.step(99_000)
    assert fredbus.reg(0, slot(0, SLOT_INT_STATUS)) == 0
    fredbus.machine.step(1_000)
    assert fredbus.device.message() == 0x5000
    assert fredbus.reg(0, INT_STATUS) & CHILD
    assert fredbus.reg(0, CHILD_PENDING) == 1
    fredbus.set_reg(0, slot(0, SLOT_INT_STATUS), 1)
    assert (fredbus.reg(0, INT_STATUS) & CHILD, fredbus.reg(0, slot(0, WORK_COUNT))) == (0, 1)


def test_work_for_a_child_that_is_switched_off_is_a_violation(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    fredbus.machine.new_records()
    fredbus.set_reg(0, slot(0, WORK), 100)
    assert fredbus.machine.violations() == ["child-not-powered"]
    fredbus.set_reg(0, slot(5, WORK), 100)
    assert fredbus.machine.violations() == ["child-not-present"]
    fredbus.set_reg(0, slot(0, CONTROL), DO_KEEP)
    assert fredbus.machine.violations() == ["eject-not-requested"]


def test_yank_of_a_child_leaves_its_slot_empty_at_once(fredbus: Board) -> None:
    for generation in range(1, 4):
        add(fredbus, "fred-oven", "o0", serial=generation)
        fredbus.set_reg(0, CHANGED, 1)
        fredbus.machine.yank("o0")
        assert fredbus.reg(0, slot(0, STATUS)) == generation << 24
        assert fredbus.reg(0, CHANGED) == 1
        assert ("yank", 0, "oven", generation) in children(fredbus)


@pytest.mark.parametrize("when", ["idle", "working", "eject-requested"])
def test_the_whole_bus_is_yanked_with_its_children(fredbus: Board, when: str) -> None:
    add(fredbus, "fred-toaster", "t0")
    add(fredbus, "fred-oven", "o0")
    if when == "working":
        fredbus.set_reg(0, slot(0, CONTROL), POWER_ON)
        fredbus.set_reg(0, slot(0, WORK), 1000)
    if when == "eject-requested":
        fredbus.machine.command_qmp("device_del", id="o0")
    fredbus.machine.qom_set("fred0", "yank", True)
    gone = {fredbus.machine.wait_event("DEVICE_DELETED")["data"].get("device") for _ in range(3)}
    assert gone == {"t0", "o0", "fred0"}
    assert fredbus.reg(0, ID) == 0xFFFFFFFF
    assert fredbus.machine.violations() == ["access-after-removal"]
    fredbus.machine.command_qmp("device_add", driver="fredbus", id="fred0", bus="rp0")
    fredbus.port.slot_power(True)
    fredbus.enumerate()
    add(fredbus, "fred-toaster", "t0")
    assert fredbus.reg(0, slot(0, STATUS)) & PRESENT


def test_children_on_the_command_line_are_there_from_the_start(start: Start) -> None:
    board = Board(
        start(
            *("-device", "pcie-root-port,id=rp0,addr=1,chassis=1,slot=1", "-device", "fredbus,id=fred0,bus=rp0,slots=2"),
            *("-device", "fred-toaster,id=t0,bus=fred0.0,slot=1"),
        )
    )
    assert board.reg(0, slot(1, STATUS)) & PRESENT
    assert board.reg(0, SLOTS) == 2
    assert board.reg(0, slot(2, STATUS)) == 0
    assert board.machine.violations() == ["access-reserved"]


def test_the_eject_button_asks_like_device_del(fredbus: Board) -> None:
    add(fredbus, "fred-toaster", "t0")
    fredbus.machine.qom_set("t0", "eject-button", True)
    assert fredbus.reg(0, EJECT_REQUESTED) == 1
    fredbus.set_reg(0, slot(0, CONTROL), DO_KEEP)
    assert fredbus.reg(0, EJECT_REQUESTED) == 0
    fredbus.machine.qom_set("t0", "eject-button", True)
    fredbus.set_reg(0, slot(0, CONTROL), DO_EJECT)
    fredbus.machine.wait_event("DEVICE_DELETED", device="t0")


BUS_STATES = ["D0", "D3hot", "D3cold"]


def enter(board: Board, state: str) -> None:
    """Bring the bus controller into a power state."""
    if state == "D3hot":
        board.device.set_power(3)
    if state == "D3cold":
        board.port.set_express(0x18, 0x400)


def leave(board: Board, state: str) -> None:
    """Back to D0."""
    if state == "D3hot":
        board.device.set_power(0)
    if state == "D3cold":
        board.port.set_express(0x18, 0x000)
    board.enumerate()


@pytest.mark.parametrize("state", BUS_STATES)
def test_children_come_and_go_in_every_power_state_of_the_bus(fredbus: Board, state: str) -> None:
    """What changed while nobody could be told shows when the bus is in D0 again."""
    add(fredbus, "fred-oven", "o0", slot=1, serial=8)
    enter(fredbus, state)
    fredbus.machine.yank("o0")
    add(fredbus, "fred-toaster", "t0", slot=4, serial=7)
    leave(fredbus, state)
    assert fredbus.reg(0, slot(1, STATUS)) & PRESENT == 0
    assert fredbus.reg(0, slot(4, STATUS)) & PRESENT
    assert fredbus.reg(0, slot(4, SERIAL)) == 7
    fredbus.machine.command_qmp("device_del", id="t0")
    fredbus.set_reg(0, slot(4, CONTROL), DO_EJECT)
    fredbus.machine.wait_event("DEVICE_DELETED", device="t0")
    assert children(fredbus)[-3:] == [("plug", 4, "toaster", 7), ("eject-request", 4, "toaster", 7), ("eject", 4, "toaster", 7)]


@pytest.mark.parametrize("state", BUS_STATES)
def test_the_whole_bus_is_yanked_in_every_power_state(fredbus: Board, state: str) -> None:
    add(fredbus, "fred-oven", "o0", slot=1)
    enter(fredbus, state)
    fredbus.machine.yank("fred0")
    assert fredbus.reg(0, ID) == 0xFFFFFFFF
    assert fredbus.machine.violations() == ["access-after-removal"]

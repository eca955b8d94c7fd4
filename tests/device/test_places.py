# SPDX-License-Identifier: MIT
"""Where the device may be: root port with native or ACPI hot-plug, behind a switch, on the conventional bus of `pc`."""

from __future__ import annotations

import pytest
from qemu.qmp import ExecuteError

from tests.device.conftest import ROOT_PORT, Board, Start
from tests.device.pci import CAP_EXPRESS, CAP_MSIX, CAP_PM, SLOT_STATUS, Bridge, Function
from tests.device.qtest import Options
from tests.device.registers import DMA, DOORBELL, Client
from tests.device.test_dma import INTERRUPT, SOURCE, TARGET, put, set_up

ACPI_Q35, ACPI_PC = 0x0CC0, 0xAE00
ACPI_UP, ACPI_BUS = 0x00, 0x10


@pytest.fixture
def acpi(options: Options, start: Start) -> Board:
    """buddy0 on a root port whose slot ACPI handles, as q35 has it by default."""
    options.native_hotplug = False
    return Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0"))


def test_yank_from_an_acpi_slot_sends_a_device_check(acpi: Board) -> None:
    acpi.machine.yank("buddy0")
    up = {}
    for bus in range(4):
        acpi.machine.outl(ACPI_Q35 + ACPI_BUS, bus)
        up[bus] = acpi.machine.inl(ACPI_Q35 + ACPI_UP)
    assert sorted(up.values()) == [0, 0, 0, 1], up
    assert not acpi.device.present
    acpi.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
    acpi.enumerate()
    assert acpi.reg(0, 0) == 0x42554459


def test_yank_from_an_acpi_slot_twenty_times(acpi: Board) -> None:
    for _ in range(20):
        acpi.machine.yank("buddy0")
        acpi.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
        acpi.enumerate()
        assert acpi.reg(0, 0) == 0x42554459


@pytest.fixture
def switch(start: Start) -> Board:
    """buddy0 behind an upstream and a downstream port."""
    machine = start(
        *ROOT_PORT,
        *("-device", "x3130-upstream,id=up0,bus=rp0", "-device", "xio3130-downstream,id=dp0,bus=up0,chassis=2,slot=2"),
        *("-device", "buddy,id=buddy0,bus=dp0"),
    )
    Bridge(machine, 0, 1).configure(1, 3)
    Bridge(machine, 1, 0).configure(2, 3)
    board = Board.__new__(Board)
    board.machine, board.port, board.device = machine, Bridge(machine, 2, 0), Function(machine, 3, 0)
    board.port.configure(3)
    board.device.assign()
    return board


def test_behind_a_switch(switch: Board) -> None:
    assert switch.reg(0, 0) == 0x42554459
    switch.machine.yank("buddy0")
    assert switch.port.express(0x1A) & 0x148 == 0x108
    assert switch.reg(0, 0) == 0xFFFFFFFF
    switch.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="dp0")
    switch.port.slot_power(True)
    switch.port.configure(3)
    switch.device.assign()
    assert switch.reg(0, 0) == 0x42554459


@pytest.mark.parametrize("fault", ["aer-correctable", "aer-fatal"])
def test_errors_pass_the_switch(switch: Board, fault: str) -> None:
    root = Bridge(switch.machine, 0, 1)
    aer = root.extended_capability(1)
    switch.device.config_write(switch.device.capability(CAP_EXPRESS) + 8, 0x7, 2)
    switch.machine.qom_set("buddy0", "fault", fault)
    assert root.config_read(aer + 0x30) & 0x7F
    assert 0x300 in (root.config_read(aer + 0x34) & 0xFFFF, root.config_read(aer + 0x34) >> 16)


def test_interrupts_dma_and_power_management_events_pass_the_switch(switch: Board) -> None:
    root = Bridge(switch.machine, 0, 1)
    copy_and_interrupt(switch)
    express = root.capability(CAP_EXPRESS)
    switch.device.config_write(switch.device.capability(CAP_PM) + 4, 0x103, 2)
    switch.machine.qom_set("buddy0", "wake-event", True)
    assert root.config_read(express + 0x20) == 0x10000 | 0x300  # PME status, and who sent it


def test_orderly_unplug_behind_a_switch(switch: Board) -> None:
    switch.machine.command_qmp("device_del", id="buddy0")
    assert switch.port.express(SLOT_STATUS) & 0x41 == 0x41
    switch.port.slot_power(False)
    switch.machine.wait_event("DEVICE_DELETED", device="buddy0")
    assert not switch.device.present


def copy_and_interrupt(board: Board) -> None:
    """A DMA copy that ends with a message, by MSI and by MSI-X."""
    for mode, message in (("msi", 0x4000), ("msix", 0x5000)):
        if mode == "msi":
            board.device.enable_msi()
        else:
            board.device.enable_msix(1)
        set_up(board)
        board.set_reg(0, Client.INT_ENABLE, DMA)
        board.machine.write_bytes(SOURCE, b"abcd")
        board.machine.write_bytes(TARGET, bytes(4))
        put(board, 0, SOURCE, TARGET, 4, INTERRUPT)
        board.set_reg(0, Client.DMA_HEAD, 1)
        board.machine.step(10_000)
        assert board.machine.read_bytes(TARGET, 4) == b"abcd"
        assert board.device.message() == message
        board.set_reg(0, Client.INT_STATUS, DMA)
        board.set_reg(0, Client.DMA_CTRL, 2)


@pytest.fixture
def conventional(options: Options, start: Start) -> Board:
    """buddy0 and fred0 on the bus of `pc`."""
    options.machine = "pc"
    machine = start("-device", "buddy,id=buddy0,addr=5", "-device", "fredbus,id=fred0,addr=6")
    board = Board.__new__(Board)
    board.machine, board.device = machine, Function(machine, 0, 5)
    board.device.assign()
    return board


def test_on_a_conventional_bus_there_is_no_pci_express_capability(conventional: Board) -> None:
    assert conventional.reg(0, 0) == 0x42554459
    assert conventional.device.capability(CAP_EXPRESS) == 0
    assert conventional.device.capability(CAP_PM) and conventional.device.capability(CAP_MSIX)
    conventional.device.set_power(3)
    conventional.device.set_power(0)
    conventional.device.assign()
    assert conventional.reg(0, Client.SCRATCH) == 0
    controller = Function(conventional.machine, 0, 6)
    controller.assign(memory=0xE1000000)
    assert conventional.machine.read(controller.bars[0]) == 0x46524544


def test_interrupts_and_dma_on_a_conventional_bus(conventional: Board) -> None:
    conventional.set_reg(0, Client.INT_ENABLE, DOORBELL)
    Function(conventional.machine, 0, 1).config_write(0x60, 0x0B0B0B0B)  # PIIX3: all four lines to interrupt 11
    conventional.machine.qtest("irq_intercept_in ioapic")
    conventional.set_reg(0, Client.DOORBELL, 1)
    assert any(conventional.machine.irq_levels.values())
    conventional.set_reg(0, Client.INT_STATUS, DOORBELL)
    assert not any(conventional.machine.irq_levels.values())
    copy_and_interrupt(conventional)


def test_children_of_a_fred_bus_on_a_conventional_bus(conventional: Board) -> None:
    controller = Function(conventional.machine, 0, 6)
    controller.assign(memory=0xE1000000)
    conventional.machine.command_qmp("device_add", driver="fred-toaster", id="t0", bus="fred0.0", slot=2, serial=9)
    assert conventional.machine.read(controller.bars[0] + 0x400 + 2 * 0x40 + 0x08) == 9
    conventional.machine.yank("t0")
    assert conventional.machine.read(controller.bars[0] + 0x400 + 2 * 0x40) & 1 == 0


def test_yank_on_a_conventional_bus_sends_a_device_check(conventional: Board) -> None:
    conventional.machine.yank("buddy0")
    conventional.machine.outl(ACPI_PC + ACPI_BUS, 0)
    assert conventional.machine.inl(ACPI_PC + ACPI_UP) == 1 << 5
    assert conventional.reg(0, 0) == 0xFFFFFFFF
    assert conventional.machine.violations() == ["access-after-removal"]
    conventional.machine.command_qmp("device_add", driver="buddy", id="buddy0", addr="5")
    conventional.device.assign()
    assert conventional.reg(0, 0) == 0x42554459


@pytest.fixture
def stock(start: Start) -> Board:
    """QEMU's own edu device, which knows nothing of us, on a root port."""
    machine = start(*ROOT_PORT, "-device", "edu,id=edu0,bus=rp0")
    return Board(machine)


def test_a_device_of_qemus_own_is_yanked_as_ours_are(stock: Board) -> None:
    for _ in range(20):
        bar = stock.device.bars[0]
        assert stock.machine.read(bar) & 0xFF == 0xED
        stock.machine.new_records()
        stock.machine.yank("edu0")
        assert stock.port.express(SLOT_STATUS) & 0x148 == 0x108  # presence changed, link changed, nothing present
        stock.port.set_express(SLOT_STATUS, 0x108)
        assert stock.port.express(SLOT_STATUS) & 0x108 == 0  # both can be cleared: an interrupt would never end else
        assert not stock.device.present and stock.machine.read(bar) == 0xFFFFFFFF
        slot = [(record["dev"], record["event"]) for record in stock.machine.new_records() if record["kind"] == "slot"]
        assert slot == [("edu0", "yank")]
        stock.machine.command_qmp("device_add", driver="edu", id="edu0", bus="rp0")
        stock.enumerate()


def test_a_device_in_no_slot_cannot_be_yanked(start: Start) -> None:
    machine = start("-device", "edu,id=edu0,addr=4")
    with pytest.raises(ExecuteError, match="the device is in no slot: put it on a pcie-root-port"):
        machine.qom_set("edu0", "yank", True)

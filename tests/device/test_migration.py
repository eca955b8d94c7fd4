# SPDX-License-Identifier: MIT
"""Snapshots and migration: in mid-job, mid-DMA, mid-transaction and with latched interrupts everything goes on exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.device.conftest import ROOT_PORT, Board
from tests.device.pci import CAP_EXPRESS, CAP_PM, PM_CONTROL, Bridge, Function
from tests.device.qtest import Machine, Options
from tests.device.registers import DMA, DMA_BUSY, DOORBELL, INT_ASSERTED, JOB, JOB_BUSY, SEM_MINE, TXN_OPEN, Client
from tests.device.snapshots import add_snapshot_disk, snapshot_job
from tests.device.test_dma import INTERRUPT, RING, SOURCE, TARGET, put, result, set_up

DEVICES = (
    *ROOT_PORT,
    *("-device", "pcie-root-port,id=rp1,addr=2,chassis=2,slot=2"),
    *("-device", "buddy,id=buddy0,bus=rp0,no-soft-reset=on", "-device", "fredbus,id=fred0,bus=rp1"),
    *("-device", "fred-toaster,id=t0,bus=fred0.0,slot=3,serial=9"),
)


def attach(machine: Machine, source: Board) -> Board:
    """A board over a machine whose devices are configured already."""
    board = Board.__new__(Board)
    board.machine, board.port = machine, Bridge(machine, 0, 1)
    board.device = Function(machine, 1, 0)
    board.device.bars = source.device.bars
    return board


Carry = Callable[[Board], Board]


@pytest.fixture
def source(options: Options) -> Board:
    """The machine that is to be saved: both devices enumerated, both pages of buddy0 open."""
    options.workdir = options.workdir / "source"
    options.workdir.mkdir()
    machine = Machine(options, *DEVICES)
    add_snapshot_disk(machine)
    board = Board(machine)
    board.device.enable_msix(2)
    board.set_reg(0, Client.GATE, 3)
    board.machine.new_records()
    return board


def finish(machine: Machine) -> None:
    """End a machine; it must end well."""
    machine.close()
    assert machine.process.returncode == 0, machine.stderr()


@pytest.fixture(params=["migrate", "snapshot"])
def carry(request: pytest.FixtureRequest, source: Board, options: Options) -> object:
    """Carry the machine's state: to another QEMU, or through a snapshot back into the same one after other things happened."""
    machines = [source.machine]

    def migrate(board: Board) -> Board:
        stream = options.workdir / "stream"
        board.machine.command_qmp("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        board.machine.command_qmp("migrate", uri=f"exec:cat > {stream}")
        board.machine.wait_event("MIGRATION", status="completed")
        target_dir = options.workdir.parent / "target"
        target_dir.mkdir()
        target = Machine(replace(options, workdir=target_dir), *DEVICES, "-incoming", "defer")
        machines.append(target)
        target.command_qmp("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
        target.command_qmp("migrate-incoming", uri=f"exec:cat {stream}")
        target.wait_event("MIGRATION", status="completed")
        if board.machine.now:
            target.qtest(f"clock_set {board.machine.now}")
        return attach(target, board)

    def snapshot(board: Board) -> Board:
        for job, command in (("save", "snapshot-save"), ("load", "snapshot-load")):
            snapshot_job(board.machine, job, command)
            if job == "save":
                board.set_reg(0, Client.CONTROL, 1)  # what is loaded must win over this
                board.device.set_power(3)
            else:
                board.machine.command_qmp("cont")
        return board

    yield migrate if request.param == "migrate" else snapshot
    for machine in machines:
        finish(machine)


def test_registers_gate_semaphore_and_mail(source: Board, carry: Carry) -> None:
    source.set_reg(1, Client.SCRATCH, 0xABC)
    source.set_reg(1, Client.SEM, 1)
    source.set_reg(0, Client.MBOX_OUT, 77)
    source.set_reg(0, Client.MBOX_SEND, 1)
    source.machine.write(source.device.bars[2] + 8, 0x55)
    board = carry(source)
    assert board.reg(1, Client.SCRATCH) == 0xABC
    assert board.reg(1, Client.STATUS) & SEM_MINE
    assert (board.reg(1, Client.MBOX_IN), board.reg(1, Client.MBOX_STATUS)) == (77, 1)
    assert board.machine.read(board.device.bars[2] + 8) == 0x55


def test_mid_job(source: Board, carry: Carry) -> None:
    source.set_reg(1, Client.INT_ENABLE, JOB)
    source.set_reg(1, Client.SEM, 1)
    source.set_reg(1, Client.JOB_DURATION, 1000)
    source.set_reg(1, Client.JOB_ARG, 0xF0)
    source.set_reg(1, Client.JOB_CTRL, 1)
    source.machine.step(400_000)
    board = carry(source)
    board.machine.step(599_999)
    assert board.reg(1, Client.STATUS) & JOB_BUSY
    board.machine.step(1)
    assert board.reg(1, Client.STATUS) & JOB_BUSY == 0
    assert board.device.message(1) == 0x5001
    assert board.reg(1, Client.JOB_RESULT) == 0xFFFFFF0F


def test_mid_dma(source: Board, carry: Carry) -> None:
    set_up(source)
    source.set_reg(0, Client.INT_ENABLE, DMA)
    data = bytes(range(200))
    source.machine.write_bytes(SOURCE, data)
    put(source, 0, SOURCE, TARGET, 200)
    put(source, 1, SOURCE, TARGET + 0x1000, 200, INTERRUPT)
    source.set_reg(0, Client.DMA_HEAD, 2)
    source.machine.step(1_500)  # the first is complete, the second under way
    assert source.reg(0, Client.DMA_TAIL) == 1
    board = carry(source)
    assert board.reg(0, Client.STATUS) & DMA_BUSY
    assert result(board, 1) == (0, 0)
    board.machine.step(900)
    assert result(board, 1) == (200, 1)
    assert board.machine.read_bytes(TARGET + 0x1000, 200) == data
    assert board.device.message(0) == 0x5000
    assert board.machine.read(RING) == SOURCE


def test_mid_transaction(source: Board, carry: Carry) -> None:
    source.set_reg(0, Client.SEM, 1)
    source.set_reg(0, Client.TXN_BEGIN, 0)
    source.set_reg(0, Client.TXN_DATA, 40)
    board = carry(source)
    assert board.reg(0, Client.STATUS) & TXN_OPEN
    board.set_reg(0, Client.TXN_DATA, 2)
    board.set_reg(0, Client.TXN_COMMIT, 2)
    assert board.reg(0, Client.TXN_RESULT) == 42


def test_latched_interrupts_stay_asserted_and_pending(source: Board, carry: Carry) -> None:
    source.machine.write(source.device.bars[4] + 16 + 12, 1)  # vector 1 masked
    for page in (0, 1):
        source.set_reg(page, Client.INT_ENABLE, DOORBELL)
    source.set_reg(0, Client.DOORBELL, 3)
    source.device.message(0)
    board = carry(source)
    assert board.reg(0, Client.STATUS) & INT_ASSERTED
    assert board.reg(0, Client.INT_PENDING) == 3
    assert board.device.message(0) == 0  # not sent again
    board.machine.write(board.device.bars[4] + 16 + 12, 0)
    assert board.device.message(1) == 0x5001
    board.set_reg(0, Client.INT_STATUS, DOORBELL)
    assert board.reg(0, Client.INT_PENDING) == 2


def test_an_interrupt_that_a_fault_holds_back(source: Board, carry: Carry) -> None:
    source.set_reg(0, Client.INT_ENABLE, DOORBELL)
    source.machine.qom_set("buddy0", "fault", "interrupt-late,delay=500,count=1")
    source.set_reg(0, Client.DOORBELL, 1)
    source.machine.step(400_000)
    board = carry(source)
    board.machine.step(99_000)
    assert board.device.message(0) == 0
    board.machine.step(1_000)
    assert board.device.message(0) == 0x5000


def test_a_function_that_is_not_ready_yet_and_its_pme_bits(source: Board, carry: Carry) -> None:
    source.machine.qom_set("buddy0", "fault", "d0-late,delay=2000,count=1")
    source.device.set_power(3 | 0x100)
    source.machine.qom_set("buddy0", "wake-event", True)
    source.device.set_power(0x100)
    source.machine.step(1_000_000)
    board = carry(source)
    control = board.device.capability(CAP_PM) + PM_CONTROL
    assert board.device.config_read(control, 2) & 0x8103 == 0x8100
    board.machine.step(999_000)
    assert board.reg(0, Client.ID) == 0xFFFFFFFF
    board.machine.step(1_000)
    assert board.reg(0, Client.ID) == 0x42554459


@pytest.mark.parametrize("fault", ["link-down", "aer-correctable", "aer-fatal"])
def test_what_the_port_shows(source: Board, carry: Carry, fault: str) -> None:
    source.device.config_write(source.device.capability(CAP_EXPRESS) + 8, 0x7, 2)
    source.machine.qom_set("buddy0", "fault", fault)
    aer = source.port.extended_capability(1)
    shown = [source.port.express(0x12), source.port.express(0x1A), *(source.port.config_read(aer + at) for at in (0x30, 0x34))]
    board = carry(source)
    now = [board.port.express(0x12), board.port.express(0x1A), *(board.port.config_read(aer + at) for at in (0x30, 0x34))]
    assert now == shown
    assert board.device.present == (fault != "link-down")


def test_d3hot_faults_and_violations(source: Board, carry: Carry) -> None:
    source.machine.qom_set("buddy0", "fault", "read-corrupt,reg=ID,xor=1,count=2")
    source.set_reg(0, Client.SCRATCH, 3)
    source.device.set_power(3)
    source.reg(0, Client.ID)
    board = carry(source)
    assert board.machine.qom_get("buddy0", "power") == "D3hot"
    board.device.set_power(0)
    assert board.reg(0, Client.ID) == 0x42554458
    assert board.reg(0, Client.SCRATCH) == 3
    assert board.reg(0, Client.VIOLATIONS) >= 1
    assert board.machine.qom_get("buddy0", "faults")["read-corrupt"]["remaining"] == 1


def test_fred_bus_with_a_child_at_work(source: Board, carry: Carry) -> None:
    port, controller = Bridge(source.machine, 0, 2), Function(source.machine, 4, 0)
    port.configure(4)
    port.config_write(0x20, 0xE300E200)  # its own windows: 32 MiB further
    port.config_write(0x24, 0x03F10201)
    controller.assign(memory=0xE2000000, prefetch=0x802000000)
    base = controller.bars[0]
    source.machine.write(base + 0x4C0 + 0x04, 4)
    source.machine.write(base + 0x4C0 + 0x18, 1)
    source.machine.write(base + 0x4C0 + 0x1C, 300)
    source.machine.step(100_000)
    board = carry(source)
    board.machine.step(199_999)
    assert board.machine.read(base + 0x20) == 0
    board.machine.step(1)
    assert board.machine.read(base + 0x20) == 1 << 3
    assert board.machine.read(base + 0x4C0 + 0x20) == 1

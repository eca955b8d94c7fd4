# SPDX-License-Identifier: MIT
"""Each fault: armed over QMP, strikes, is counted and limited, and can be disarmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from qemu.qmp.error import QMPError

from tests.device.conftest import Board
from tests.device.pci import CAP_EXPRESS
from tests.device.registers import DMA_ADDRESS, DOORBELL, JOB, JOB_BUSY, Client
from tests.device.test_dma import SOURCE, TARGET, put, result, set_up


def arm(board: Board, fault: str) -> None:
    """Arm or disarm."""
    board.machine.qom_set("buddy0", "fault", fault)


def state(board: Board, fault: str) -> dict[str, Any]:
    """What QEMU says of a fault."""
    return dict(board.machine.qom_get("buddy0", "faults")[fault])


def ring(board: Board, client: int = 0) -> None:
    """One interrupt: acknowledge the last, cause the next."""
    board.set_reg(client, Client.INT_STATUS, DOORBELL)
    board.set_reg(0, Client.DOORBELL, 1 << client)


@pytest.fixture
def msi(buddy: Board) -> Board:
    """MSI on, doorbell interrupts of both clients enabled."""
    buddy.device.enable_msi(1)
    buddy.set_reg(0, Client.GATE, 3)
    for page in (0, 1):
        buddy.set_reg(page, Client.INT_ENABLE, DOORBELL)
    buddy.machine.new_records()
    return buddy


def test_lost_interrupts_are_counted_and_limited(msi: Board) -> None:
    arm(msi, "interrupt-lost,count=2")
    for expected in (0, 0, 0x4000):
        ring(msi)
        assert msi.device.message() == expected
    assert state(msi, "interrupt-lost") == {"armed": False, "remaining": 0, "fired": 2}
    events = [r["event"] for r in msi.machine.new_records() if r["kind"] == "fault"]
    assert events == ["arm", "fire", "fire", "disarm"]


def test_a_fault_can_be_limited_to_a_client(msi: Board) -> None:
    arm(msi, "interrupt-lost,client=1")
    ring(msi, 0)
    assert msi.device.message() == 0x4000
    ring(msi, 1)
    assert msi.device.message() == 0
    arm(msi, "interrupt-lost,off")
    ring(msi, 1)
    assert msi.device.message() == 0x4001


def test_late_interrupt(msi: Board) -> None:
    arm(msi, "interrupt-late,delay=500,count=1")
    ring(msi)
    msi.machine.step(499_000)
    assert msi.device.message() == 0
    msi.machine.step(1_000)
    assert msi.device.message() == 0x4000


def test_late_interrupt_that_is_acknowledged_before_never_comes(msi: Board) -> None:
    arm(msi, "interrupt-late,delay=500,count=1")
    ring(msi)
    msi.set_reg(0, Client.INT_STATUS, DOORBELL)
    msi.machine.step(1_000_000)
    assert msi.device.message() == 0


def test_spurious_interrupts_come_at_once(msi: Board) -> None:
    arm(msi, "interrupt-spurious,client=1")
    assert msi.device.message() == 0x4001
    assert msi.reg(1, Client.INT_STATUS) == 0
    arm(msi, "interrupt-spurious,count=3")
    assert state(msi, "interrupt-spurious") == {"armed": False, "remaining": 0, "fired": 4}


def test_lost_intx(buddy: Board) -> None:
    buddy.set_reg(0, Client.INT_ENABLE, DOORBELL)
    arm(buddy, "interrupt-lost,count=1")
    ring(buddy)
    assert buddy.device.config_read(6, 2) & 8 == 0
    ring(buddy)
    assert buddy.device.config_read(6, 2) & 8


def test_stuck_busy_until_abort(buddy: Board) -> None:
    arm(buddy, "stuck-busy,count=1")
    buddy.set_reg(0, Client.SEM, 1)
    buddy.set_reg(0, Client.JOB_CTRL, 1)
    buddy.machine.step(10_000_000_000)
    assert buddy.reg(0, Client.STATUS) & JOB_BUSY
    buddy.set_reg(0, Client.JOB_CTRL, 2)
    buddy.set_reg(0, Client.JOB_CTRL, 1)
    buddy.machine.step(1_000_000)
    assert buddy.reg(0, Client.INT_STATUS) == JOB


def test_corrupt_read_of_one_register(buddy: Board) -> None:
    buddy.set_reg(0, Client.SCRATCH, 0xF0)
    arm(buddy, "read-corrupt,reg=SCRATCH,xor=0x11,count=1")
    assert buddy.reg(0, Client.ID) == 0x42554459
    assert buddy.reg(0, Client.SCRATCH) == 0xE1
    assert buddy.reg(0, Client.SCRATCH) == 0xF0


def test_late_d0_entry_is_not_the_drivers_mistake(buddy: Board) -> None:
    arm(buddy, "d0-late,delay=2000,count=1")
    buddy.device.set_power(3)
    buddy.device.set_power(0)
    buddy.enumerate()
    assert buddy.reg(0, Client.ID) == 0xFFFFFFFF
    buddy.machine.step(2_000_000)
    assert buddy.reg(0, Client.ID) == 0x42554459
    assert buddy.machine.violations() == []


def test_failing_d0_entry(buddy: Board) -> None:
    arm(buddy, "d0-fail,count=1")
    buddy.device.set_power(3)
    buddy.device.set_power(0)
    assert buddy.device.power() == 3
    buddy.device.set_power(0)
    assert buddy.device.power() == 0


@pytest.mark.parametrize(("fault", "copied"), [("dma-fail", 0), ("dma-partial", 32)])
def test_failing_dma_is_reported_and_not_the_drivers_mistake(buddy: Board, fault: str, copied: int) -> None:
    set_up(buddy)
    buddy.machine.write_bytes(SOURCE, b"x" * 64)
    put(buddy, 0, SOURCE, TARGET, 64)
    arm(buddy, f"{fault},count=1")
    buddy.set_reg(0, Client.DMA_HEAD, 1)
    buddy.machine.step(10_000)
    assert result(buddy, 0) == (copied, 3)
    assert buddy.machine.read_bytes(TARGET, 64) == b"x" * copied + bytes(64 - copied)
    assert buddy.reg(0, Client.ERROR) == DMA_ADDRESS
    assert buddy.machine.violations() == []


def test_link_down_and_up_again(buddy: Board) -> None:
    buddy.set_reg(0, Client.SCRATCH, 7)
    arm(buddy, "link-down")
    assert not buddy.device.present
    assert buddy.reg(0, Client.SCRATCH) == 0xFFFFFFFF
    assert buddy.port.express(0x12) & 0x2000 == 0
    assert buddy.port.express(0x1A) & 0x140 == 0x140  # link changed, still present
    buddy.port.set_express(0x1A, 0x100)
    arm(buddy, "link-down,off")
    assert buddy.port.express(0x12) & 0x2000
    assert buddy.port.express(0x1A) & 0x100
    assert buddy.reg(0, Client.SCRATCH) == 7
    assert buddy.machine.violations() == []


@pytest.mark.parametrize(("fault", "status", "cause"), [("aer-correctable", 0x1, 0x10), ("aer-fatal", 0x4 | 0x40 | 0x10, 0x04)])
def test_aer_errors_reach_the_root_port(buddy: Board, fault: str, status: int, cause: int) -> None:
    aer = buddy.port.extended_capability(1)
    express = buddy.device.capability(CAP_EXPRESS)
    buddy.port.assign(memory=0xE1000000)
    buddy.port.enable_msix_port()
    buddy.port.config_write(aer + 0x2C, 7)
    buddy.device.config_write(express + 8, 0x7, 2)
    arm(buddy, fault)
    assert buddy.port.message() == 0x5000
    assert buddy.port.config_read(aer + 0x30) & 0x7F == status
    assert buddy.port.config_read(aer + 0x34) >> (16 if fault == "aer-fatal" else 0) & 0xFFFF == 0x100
    own = buddy.device.extended_capability(1)
    assert buddy.device.config_read(own + cause)
    assert buddy.device.config_read(express + 10, 2) & 0xF


def test_a_reset_that_does_not_clear(buddy: Board) -> None:
    buddy.set_reg(0, Client.SCRATCH, 7)
    arm(buddy, "reset-sticky,count=1")
    buddy.set_reg(0, Client.CONTROL, 1)
    assert buddy.reg(0, Client.SCRATCH) == 7
    buddy.set_reg(0, Client.CONTROL, 1)
    assert buddy.reg(0, Client.SCRATCH) == 0


def test_a_stuck_semaphore_is_neither_released_nor_broken(buddy: Board) -> None:
    buddy.set_reg(0, Client.SEM, 1)
    arm(buddy, "semaphore-stuck")
    buddy.set_reg(0, Client.SEM, 0)
    buddy.set_reg(0, Client.CONTROL, 2)
    assert buddy.reg(0, Client.SEM) == 1
    arm(buddy, "off")
    buddy.set_reg(0, Client.SEM, 0)
    assert buddy.reg(0, Client.SEM) == 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("gremlin", "there is no 'gremlin'; there are interrupt-lost, "),
        ("interrupt-lost,count=0", "count=N \\(from 1\\)"),
        ("interrupt-lost,count=x", "wants a number"),
        ("read-corrupt,reg=NOWHERE", "no register 'NOWHERE'"),
        ("read-corrupt,xor", "not key=value"),
    ],
)
def test_a_wrong_specification_is_refused(buddy: Board, fault: str, message: str) -> None:
    with pytest.raises(QMPError, match=message):
        arm(buddy, fault)


# ---- each fault happens to the next N only ---------------------------------------------------------------------------


def interrupt_is_lost(board: Board) -> bool:
    """A doorbell whose interrupt does not come."""
    ring(board)
    return board.device.message() == 0


def interrupt_is_late(board: Board) -> bool:
    """A doorbell whose interrupt comes a millisecond later."""
    ring(board)
    at_once = board.device.message()
    board.machine.step(1_000_000)
    return not at_once and board.device.message() == 0x4000


def job_sticks(board: Board) -> bool:
    """A job that does not end, until it is aborted."""
    board.set_reg(0, Client.SEM, 1)
    board.set_reg(0, Client.JOB_CTRL, 1)
    board.machine.step(1_000_000)
    stuck = bool(board.reg(0, Client.STATUS) & JOB_BUSY)
    board.set_reg(0, Client.JOB_CTRL, 2)
    return stuck


def read_is_corrupt(board: Board) -> bool:
    """A register that reads as something else."""
    return board.reg(0, Client.ID) != 0x42554459


def to_d3hot_and_back(board: Board) -> None:
    """As an operating system does it."""
    board.device.set_power(3)
    board.device.set_power(0)
    board.enumerate()


def d0_comes_late(board: Board) -> bool:
    """Registers that answer a millisecond after D0 entry."""
    to_d3hot_and_back(board)
    late = board.reg(0, Client.ID) == 0xFFFFFFFF
    board.machine.step(1_000_000)
    assert board.reg(0, Client.ID) == 0x42554459
    return late


def d0_fails(board: Board) -> bool:
    """A function that stays in D3hot; and is brought to D0 again."""
    board.device.set_power(3)
    board.device.set_power(0)
    return board.device.power() == 3


def dma_fails(board: Board) -> bool:
    """A descriptor that ends with an error."""
    board.set_reg(0, Client.DMA_CTRL, 2)
    set_up(board)
    board.machine.write_bytes(SOURCE, b"x" * 64)
    put(board, 0, SOURCE, TARGET, 64)
    board.set_reg(0, Client.DMA_HEAD, 1)
    board.machine.step(10_000)
    return result(board, 0)[1] & 2 != 0


def reset_leaves_scratch(board: Board) -> bool:
    """A reset that does not clear."""
    board.set_reg(0, Client.SCRATCH, 7)
    board.set_reg(0, Client.CONTROL, 1)
    return board.reg(0, Client.SCRATCH) == 7


def semaphore_sticks(board: Board) -> bool:
    """A semaphore that is not released."""
    board.set_reg(0, Client.SEM, 1)
    board.set_reg(0, Client.SEM, 0)
    return board.reg(0, Client.SEM) == 1


@pytest.mark.parametrize(
    ("fault", "strikes"),
    [
        ("interrupt-lost", interrupt_is_lost),
        ("interrupt-late", interrupt_is_late),
        ("stuck-busy", job_sticks),
        ("read-corrupt,reg=ID", read_is_corrupt),
        ("d0-late,delay=1000", d0_comes_late),
        ("d0-fail", d0_fails),
        ("dma-fail", dma_fails),
        ("dma-partial", dma_fails),
        ("reset-sticky", reset_leaves_scratch),
        ("semaphore-stuck", semaphore_sticks),
    ],
    ids=lambda value: value.split(",")[0] if isinstance(value, str) else "",
)
def test_each_fault_strikes_the_next_two_and_no_more(msi: Board, fault: str, strikes: Callable[[Board], bool]) -> None:
    name = fault.split(",")[0]
    assert not strikes(msi)
    arm(msi, f"{fault},count=2")
    assert state(msi, name) == {"armed": True, "remaining": 2, "fired": 0}
    assert [strikes(msi) for _ in range(4)] == [True, True, False, False]
    assert state(msi, name) == {"armed": False, "remaining": 0, "fired": 2}
    events = [record["event"] for record in msi.machine.journal() if record["kind"] == "fault"]
    assert events == ["arm", "fire", "fire", "disarm"]


@pytest.mark.parametrize("fault", ["aer-correctable", "aer-fatal"])
def test_errors_happen_as_often_as_asked(buddy: Board, fault: str) -> None:
    arm(buddy, f"{fault},count=3")
    assert state(buddy, fault) == {"armed": False, "remaining": 0, "fired": 3}


def test_link_down_lasts_until_it_is_disarmed(buddy: Board) -> None:
    arm(buddy, "link-down")
    assert state(buddy, "link-down")["armed"]
    for _ in range(3):
        assert buddy.reg(0, Client.ID) == 0xFFFFFFFF
    arm(buddy, "link-down,off")
    assert buddy.reg(0, Client.ID) == 0x42554459


@pytest.mark.parametrize(("fault", "waited"), [("interrupt-lost", 100), ("interrupt-late,delay=50000", 55)])
def test_an_interrupt_that_a_fault_swallows_or_delays_need_not_be_acknowledged_in_time(
    make_buddy: Callable[[str], Board], fault: str, waited: int
) -> None:
    board = make_buddy("ack-timeout=10")
    board.device.enable_msi(1)
    board.set_reg(0, Client.INT_ENABLE, DOORBELL)
    arm(board, fault + ",count=1")
    ring(board)
    board.machine.step(waited * 1_000_000)
    assert board.machine.violations() == []
    ring(board)  # heard, and not acknowledged
    board.machine.step(20_000_000)
    assert board.machine.violations() == ["interrupt-unacknowledged"]

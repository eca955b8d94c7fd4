# SPDX-License-Identifier: MIT
"""Power: D-states, context loss, slot power, resets, and the wake of the machine from S3."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.device.conftest import Board, Start
from tests.device.pci import CAP_EXPRESS, CAP_PM, PM_CONTROL, Function
from tests.device.qtest import Machine, Record

SCRATCH, INT_ENABLE, SEM, JOB_DURATION, JOB_CTRL, GATE = 0x10, 0x1C, 0x20, 0x50, 0x54, 0x800


def of_kind(records: list[Record], *kinds: str) -> list[tuple[str, ...]]:
    """The records of these kinds without their common members."""
    return [
        (r["kind"], *(str(v) for k, v in r.items() if k not in ("seq", "t", "dev", "kind")))
        for r in records
        if r["kind"] in kinds
    ]


def suspend_to_ram(machine: Machine) -> None:
    """What an operating system does at the end of S3 entry: SLP_TYP 1 and SLP_EN into PM1a_CNT."""
    lpc = Function(machine, 0, 31)
    lpc.config_write(0x40, 0x601)
    lpc.config_write(0x44, 0x80, 1)
    machine.outw(0x604, 1 << 13 | 1 << 10)
    machine.wait_event("SUSPEND")


def wake(machine: Machine) -> None:
    """Wake the machine and wait until its reset is over."""
    machine.command_qmp("system_wakeup")
    machine.wait_event("WAKEUP")


def test_in_d3hot_registers_read_all_ones_and_each_access_is_a_violation(buddy: Board) -> None:
    buddy.device.set_power(3)
    assert buddy.device.power() == 3
    assert buddy.reg(0, 0) == 0xFFFFFFFF
    records = buddy.machine.new_records()
    assert of_kind(records, "power") == [("power", "D0", "D3hot", "pmcsr")]
    assert records[-2]["power"] == "D3hot"
    assert (records[-1]["rule"], records[-1]["ref"]) == ("access-not-in-d0", records[-2]["seq"])
    assert buddy.machine.read(buddy.device.bars[2]) == 0xFFFFFFFF
    assert buddy.machine.violations() == ["access-not-in-d0"]


def test_leaving_d3hot_is_a_reset_of_registers_and_configuration(buddy: Board) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    buddy.set_reg(0, GATE, 3)
    buddy.machine.new_records()
    buddy.device.set_power(3)
    buddy.device.set_power(0)
    assert buddy.device.config_read(0x10) & ~0xF == 0
    assert buddy.device.config_read(4, 2) == 0
    records = buddy.machine.new_records()
    assert ("reset", "d3") in of_kind(records, "reset")
    assert ("power", "D3hot", "D0", "pmcsr") in of_kind(records, "power")
    buddy.enumerate()
    assert buddy.reg(0, SCRATCH) == 0
    assert buddy.reg(0, GATE) == 1


def test_with_no_soft_reset_everything_survives_d3hot(make_buddy: Callable[[str], Board]) -> None:
    board = make_buddy("no-soft-reset=on")
    assert board.device.config_read(board.device.capability(CAP_PM) + PM_CONTROL, 2) == 8
    board.set_reg(0, SCRATCH, 5)
    board.device.set_power(3)
    board.device.set_power(0)
    assert board.reg(0, SCRATCH) == 5


def test_power_down_with_a_job_under_way_is_a_violation(buddy: Board) -> None:
    buddy.set_reg(0, SEM, 1)
    buddy.set_reg(0, JOB_DURATION, 1000)
    buddy.set_reg(0, JOB_CTRL, 1)
    buddy.machine.new_records()
    buddy.device.set_power(3)
    records = buddy.machine.new_records()
    assert ("job", "0", "abort", "1000") in of_kind(records, "job")
    assert [r["rule"] for r in records if r["kind"] == "violation"] == ["busy-at-power-down"]


def test_slot_power_off_is_d3cold_and_power_on_a_fresh_device(buddy: Board) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    buddy.port.set_express(0x18, 0x400)  # power controller off; the indicator stays on, so the device is not released
    assert not buddy.device.present
    assert ("power", "D0", "D3cold", "slot") in of_kind(buddy.machine.new_records(), "power")
    assert buddy.reg(0, 0) == 0xFFFFFFFF
    assert buddy.machine.violations() == ["access-not-in-d0"]
    buddy.port.set_express(0x18, 0x000)
    buddy.enumerate()
    assert ("power", "D3cold", "D0", "slot") in of_kind(buddy.machine.new_records(), "power")
    assert buddy.reg(0, SCRATCH) == 0


def test_function_level_reset(buddy: Board) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    control = buddy.device.capability(CAP_EXPRESS) + 8
    buddy.device.config_write(control, 0x8000, 2)
    assert ("reset", "flr") in of_kind(buddy.machine.new_records(), "reset")
    buddy.enumerate()
    assert buddy.reg(0, SCRATCH) == 0


def test_hot_reset_through_the_port(buddy: Board) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    buddy.port.config_write(0x3E, 0x40, 2)
    buddy.port.config_write(0x3E, 0, 2)
    assert ("reset", "bus") in of_kind(buddy.machine.new_records(), "reset")
    buddy.enumerate()
    assert buddy.reg(0, SCRATCH) == 0


def test_soft_reset_by_the_owner(buddy: Board) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    buddy.set_reg(0, GATE, 3)
    buddy.set_reg(0, GATE + 4, 1)
    assert (buddy.reg(0, SCRATCH), buddy.reg(0, GATE)) == (0, 1)
    assert ("reset", "soft") in of_kind(buddy.machine.new_records(), "reset")


@pytest.mark.parametrize("state", [0, 3])
def test_wake_from_s3_is_a_full_reset_and_leaves_d0(buddy: Board, state: int) -> None:
    buddy.set_reg(0, SCRATCH, 5)
    buddy.device.set_power(state)
    suspend_to_ram(buddy.machine)
    wake(buddy.machine)
    records = buddy.machine.new_records()
    assert of_kind(records, "machine") == [("machine", "suspend"), ("machine", "wakeup")]
    assert ("reset", "wake") in of_kind(records, "reset")
    if state:
        assert ("power", "D3hot", "D0", "wake") in of_kind(records, "power")
    buddy.enumerate()
    assert buddy.reg(0, SCRATCH) == 0
    buddy.machine.command_qmp("system_reset")
    buddy.machine.wait_event("RESET")
    assert of_kind(buddy.machine.new_records(), "machine", "reset") == [("machine", "reset"), ("reset", "bus")]


POWER_STATES = ["D0", "D1", "D2", "D3hot", "D3cold"]


def enter(board: Board, state: str) -> None:
    """Bring the function into a power state, or the whole machine to sleep."""
    if state == "suspended":
        suspend_to_ram(board.machine)
    elif state == "D3cold":
        board.port.set_express(0x18, 0x400)
    else:
        board.device.set_power(int(state[1]))
    expected = "D0" if state == "suspended" else state
    assert board.machine.qom_get("buddy0", "power") == expected


@pytest.mark.parametrize("state", [*POWER_STATES, "suspended"])
def test_yank_in_every_power_state(make_buddy: Callable[[str], Board], state: str) -> None:
    board = make_buddy("d1d2=on")
    enter(board, state)
    board.machine.yank("buddy0")
    if state == "suspended":
        wake(board.machine)
    board.port.configure(1)
    assert not board.device.present
    board.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
    board.port.slot_power(True)
    board.enumerate()
    assert board.reg(0, 0) == 0x42554459
    assert board.machine.qom_get("buddy0", "power") == "D0"


@pytest.mark.parametrize("slot", ["on", "off"])
def test_a_device_is_plugged_into_a_slot_with_and_without_power(buddy: Board, slot: str) -> None:
    buddy.machine.yank("buddy0")
    buddy.port.slot_power(slot == "on")
    buddy.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
    assert buddy.port.express(0x1A) & 0x48 == 0x48  # presence detected, and changed
    buddy.port.slot_power(True)
    buddy.enumerate()
    assert buddy.reg(0, 0) == 0x42554459


def test_device_del_is_a_request_and_completes_when_the_slot_is_switched_off(buddy: Board) -> None:
    buddy.machine.command_qmp("device_del", id="buddy0")
    assert buddy.port.express(0x1A) & 0x41 == 0x41
    buddy.port.slot_power(False)
    buddy.machine.wait_event("DEVICE_DELETED", device="buddy0")
    assert ("slot", "unplug") in of_kind(buddy.machine.new_records(), "slot")


def test_surprise_removal_shows_in_the_port_and_interrupts(buddy: Board) -> None:
    buddy.port.assign(memory=0xE1000000)
    buddy.port.enable_msix_port()
    buddy.port.set_express(0x18, 0x1028)  # hot-plug interrupt, presence and link change enabled; slot power on
    buddy.port.message()
    buddy.machine.yank("buddy0")
    assert buddy.port.message() == 0x5000
    status = buddy.port.express(0x1A)
    assert status & 0x148 == 0x108  # presence changed, link changed, nothing present
    assert buddy.port.express(0x12) & 0x2000 == 0  # link not active


def test_device_on_the_root_complex_can_be_yanked_too(start: Start) -> None:
    machine = start("-device", "buddy,id=buddy0,addr=5")
    device = Function(machine, 0, 5)
    device.assign()
    assert machine.read(device.bars[0]) == 0x42554459
    machine.yank("buddy0")
    assert machine.read(device.bars[0]) == 0xFFFFFFFF
    assert machine.violations() == ["access-after-removal"]


def test_d1_and_d2_exist_only_by_property(buddy: Board) -> None:
    for state in (1, 2):
        buddy.device.set_power(state)
        assert buddy.device.power() == 0
    assert buddy.machine.violations() == ["illegal-power-transition"] * 2


D0, D1, D2, D3 = range(4)


@pytest.mark.parametrize("origin", [D0, D1, D2, D3])
@pytest.mark.parametrize("target", [D0, D1, D2, D3])
def test_every_transition_of_a_function_with_d1_and_d2(make_buddy: Callable[[str], Board], origin: int, target: int) -> None:
    board = make_buddy("d1d2=on,no-soft-reset=on")
    board.set_reg(0, SCRATCH, 9)
    board.device.set_power(origin)
    board.machine.new_records()
    board.device.set_power(target)
    legal = target == D0 or target >= origin
    assert board.device.power() == (target if legal else origin)
    records = board.machine.new_records()
    names = ("D0", "D1", "D2", "D3hot")
    expected = [("power", names[origin], names[target], "pmcsr")] if legal and origin != target else []
    assert of_kind(records, "power") == expected
    assert [r["rule"] for r in records if r["kind"] == "violation"] == ([] if legal else ["illegal-power-transition"])
    board.device.set_power(D0)
    assert board.reg(0, SCRATCH) == 9


@pytest.mark.parametrize(("state", "delay"), [(3, 10_000), (2, 200)])
def test_a_function_needs_its_time_after_d0_entry(make_buddy: Callable[[str], Board], state: int, delay: int) -> None:
    board = make_buddy("d1d2=on,d3hot-delay=10000,d2-delay=200,no-soft-reset=on")
    board.device.set_power(state)
    board.device.set_power(0)
    board.machine.step(delay * 1000 - 1000)
    assert board.reg(0, 0) == 0xFFFFFFFF
    assert board.machine.violations() == ["access-before-ready"]
    board.machine.step(1000)
    assert board.reg(0, 0) == 0x42554459
    assert board.machine.violations() == []


def test_after_d3hot_context_is_lost_and_the_function_needs_its_time(make_buddy: Callable[[str], Board]) -> None:
    """Configuration space answers meanwhile (PCI PM 1.2, 5.4.1: 10 ms before the function is accessed)."""
    board = make_buddy("d3hot-delay=10000")
    board.set_reg(0, SCRATCH, 5)
    board.device.set_power(3)
    board.device.set_power(0)
    assert board.device.config_read(4, 2) == 0
    board.enumerate()
    board.machine.new_records()
    board.machine.step(9_999_000)
    assert board.reg(0, SCRATCH) == 0xFFFFFFFF
    board.set_reg(0, SCRATCH, 6)
    assert board.machine.violations() == ["access-before-ready"] * 2
    board.machine.step(1000)
    assert board.reg(0, SCRATCH) == 0
    assert board.machine.violations() == []


def test_immediate_readiness_is_announced_exactly_when_true(make_buddy: Callable[[str], Board]) -> None:
    for properties, bit in (("", 1), ("d3hot-delay=10000", 0)):
        board = make_buddy(properties)
        assert board.device.config_read(board.device.capability(CAP_PM) + 2, 2) >> 4 & 1 == bit


def pme(board: Board) -> int:
    """PME_En and PME_Status in PMCSR."""
    return board.device.config_read(board.device.capability(CAP_PM) + PM_CONTROL, 2) & 0x8100


def set_pme(board: Board, value: int) -> None:
    """Write PMCSR's PME bits; the power state stays."""
    board.device.config_write(board.device.capability(CAP_PM) + PM_CONTROL, value | board.device.power(), 2)


@pytest.mark.parametrize("state", [0, 3])
def test_pme_reaches_the_root_port(buddy: Board, state: int) -> None:
    buddy.port.assign(memory=0xE1000000)
    buddy.port.enable_msix_port()
    root = buddy.port.capability(CAP_EXPRESS)
    buddy.port.config_write(root + 0x1C, 8, 2)
    set_pme(buddy, 0x100)
    buddy.device.set_power(state | 0x100)
    buddy.machine.qom_set("buddy0", "wake-event", True)
    assert buddy.port.message() == 0x5000
    assert buddy.port.config_read(root + 0x20) == 0x10000 | 0x100
    assert pme(buddy) == 0x8100
    buddy.port.config_write(root + 0x20, 0x10000)
    set_pme(buddy, 0x8100)
    assert pme(buddy) == 0x100
    assert buddy.port.config_read(root + 0x20) & 0x10000 == 0
    assert ("pme", "sent") in of_kind(buddy.machine.new_records(), "pme")


@pytest.mark.parametrize("state", [0, 1, 2, 3])
def test_pme_wakes_the_machine_and_its_bits_survive(make_buddy: Callable[[str], Board], state: int) -> None:
    board = make_buddy("d1d2=on")
    board.device.set_power(state | 0x100)
    suspend_to_ram(board.machine)
    board.machine.qom_set("buddy0", "wake-event", True)
    board.machine.wait_event("WAKEUP")
    board.port.configure(1)
    assert pme(board) == 0x8100
    assert board.device.power() == 0


def test_pme_of_a_function_without_slot_power_wakes_the_machine(buddy: Board) -> None:
    """From D3cold, on auxiliary power."""
    buddy.device.set_power(0x100)
    buddy.port.set_express(0x18, 0x400)
    suspend_to_ram(buddy.machine)
    buddy.machine.qom_set("buddy0", "wake-event", True)
    buddy.machine.wait_event("WAKEUP")
    buddy.port.configure(1)
    buddy.port.slot_power(True)
    assert pme(buddy) & 0x8000


def test_without_pme_enable_the_machine_sleeps_on(buddy: Board) -> None:
    buddy.device.set_power(3)
    suspend_to_ram(buddy.machine)
    buddy.machine.qom_set("buddy0", "wake-event", True)
    assert buddy.machine.command_qmp("query-status")["status"] == "suspended"
    assert ("pme", "masked") in of_kind(buddy.machine.new_records(), "pme")


@pytest.mark.parametrize("state", POWER_STATES)
def test_orderly_unplug_in_every_power_state(make_buddy: Callable[[str], Board], state: str) -> None:
    board = make_buddy("d1d2=on")
    enter(board, state)
    board.machine.command_qmp("device_del", id="buddy0")
    board.port.slot_power(False)
    board.machine.wait_event("DEVICE_DELETED", device="buddy0")
    assert ("slot", "unplug") in of_kind(board.machine.new_records(), "slot")
    assert board.machine.read(board.device.bars[0]) == 0xFFFFFFFF


def test_a_device_plugged_in_during_sleep_is_there_after_the_wake(buddy: Board) -> None:
    buddy.machine.yank("buddy0")
    suspend_to_ram(buddy.machine)
    buddy.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0", serial=2)
    wake(buddy.machine)
    buddy.port.slot_power(True)
    buddy.enumerate()
    assert buddy.reg(0, 0) == 0x42554459

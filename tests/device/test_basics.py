# SPDX-License-Identifier: MIT
"""The device answers, the journal tells, a yank removes it and the same id comes back."""

from __future__ import annotations

import pytest
from qemu.qmp import ExecuteError

from tests.device.conftest import ROOT_PORT, Board, Start


def test_identification_is_recorded_with_client_register_value_and_power(buddy: Board) -> None:
    assert buddy.reg(0, 0) == 0x42554459
    record = buddy.machine.new_records()[-1]
    assert list(record) == ["seq", "t", "dev", "kind", "client", "reg", "offset", "size", "value", "power"]
    assert record | {"seq": 0, "t": 0} == {
        "seq": 0,
        "t": 0,
        "dev": "buddy0",
        "kind": "read",
        "client": 0,
        "reg": "ID",
        "offset": 0,
        "size": 4,
        "value": 0x42554459,
        "power": "D0",
    }


def test_sequence_numbers_have_no_gaps_from_the_open_record_on(buddy: Board) -> None:
    for _ in range(50):
        buddy.set_reg(0, 0x10, 1)
    records = buddy.machine.journal()
    assert records[0]["kind"] == "open"
    assert [record["seq"] for record in records] == list(range(len(records)))


def test_closed_gate_reads_all_ones_and_is_a_violation(buddy: Board) -> None:
    assert buddy.reg(1, 0) == 0xFFFFFFFF
    access, violation = buddy.machine.new_records()
    assert (access["client"], access["gate"]) == (1, 0)
    assert (violation["rule"], violation["client"], violation["ref"]) == ("gate-closed", 1, access["seq"])
    buddy.set_reg(0, 0x800, 3)
    assert buddy.reg(1, 0) == 0x42554459


def test_yank_answers_all_ones_and_the_same_id_comes_back_twenty_times(buddy: Board) -> None:
    for _ in range(20):
        address = buddy.device.bars[0]
        buddy.machine.yank("buddy0")
        assert buddy.machine.read(address + 0x1010) == 0xFFFFFFFF
        rules = [r for r in buddy.machine.new_records() if r["kind"] == "violation"]
        assert [(r["rule"], r["client"], r["reg"]) for r in rules] == [("access-after-removal", 1, "SCRATCH")]
        assert not buddy.device.present
        buddy.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
        buddy.port.slot_power(True)
        buddy.enumerate()
        assert buddy.reg(0, 0) == 0x42554459


def test_access_while_memory_decoding_is_off_reads_all_ones_and_is_a_violation(buddy: Board) -> None:
    buddy.device.command(0)
    assert buddy.reg(1, 0x10) == 0xFFFFFFFF
    buddy.set_reg(0, 0x10, 5)
    assert buddy.machine.read(buddy.device.bars[2]) == 0xFFFFFFFF
    broken = [(r["rule"], r["client"], r["reg"]) for r in buddy.machine.new_records() if r["kind"] == "violation"]
    rule = "access-memory-disabled"
    assert broken == [(rule, 1, "SCRATCH"), (rule, 0, "SCRATCH"), (rule, -1, "BAR2")]
    buddy.device.command(2)
    assert buddy.reg(0, 0x10) == 0


def test_a_device_may_be_put_back_without_waiting_for_the_event(buddy: Board) -> None:
    for _ in range(20):
        buddy.machine.qom_set("buddy0", "yank", True)
        try:
            buddy.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
        except ExecuteError as error:  # the removal is still under way: a refusal is an answer, an abort of QEMU is none
            assert "Duplicate device ID" in str(error)
            buddy.machine.wait_event("DEVICE_DELETED", device="buddy0")
            buddy.machine.command_qmp("device_add", driver="buddy", id="buddy0", bus="rp0")
        buddy.port.slot_power(True)
        buddy.enumerate()
        assert buddy.reg(0, 0) == 0x42554459


MAPS = ("-trace", "flatview_new")  # QEMU's trace event of a memory map, on standard error


def test_a_reset_makes_each_memory_map_once(start: Start) -> None:
    """Memory and I/O ports; QEMU by itself makes them again for each device that gives up its addresses."""
    board = Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0", *MAPS))
    before = board.machine.stderr().count("flatview_new")
    if before == 0:
        pytest.skip("this QEMU does not log trace events")
    board.machine.command_qmp("system_reset")
    board.machine.wait_event("RESET")
    # With nothing mapped any more, the address spaces of the devices share one map.
    assert 1 <= board.machine.stderr().count("flatview_new") - before <= 3
    board.enumerate()
    assert board.reg(0, 0) == 0x42554459


def test_switching_decoding_on_makes_one_memory_map_for_all_bars(start: Start) -> None:
    board = Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0", *MAPS))
    command = board.device.config_read(4, 2)
    board.device.config_write(4, command & ~3, 2)
    before = board.machine.stderr().count("flatview_new")
    if before == 0:
        pytest.skip("this QEMU does not log trace events")
    board.device.config_write(4, command, 2)
    assert 1 <= board.machine.stderr().count("flatview_new") - before <= 3

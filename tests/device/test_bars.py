# SPDX-License-Identifier: MIT
"""The varying resources: I/O-port window, extra BARs, recorded memory, and properties that do not fit together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.device.conftest import ROOT_PORT, Board, Start
from tests.device.qtest import QtestError
from tests.device.registers import Client

Make = Callable[[str], Board]


def test_io_window_reaches_every_register_and_is_judged_like_it(make_buddy: Make) -> None:
    board = make_buddy("ioport=on")
    io, machine = board.device.bars[1], board.machine
    assert board.reg(0, Client.CAPS) >> 16 & 1
    machine.outl(io, Client.SCRATCH)
    machine.outl(io + 4, 0x1234)
    assert board.reg(0, Client.SCRATCH) == 0x1234
    machine.outl(io, 0x1000 + Client.ID)
    machine.new_records()
    assert machine.inl(io + 4) == 0xFFFFFFFF
    access, violation = machine.new_records()
    assert (access["reg"], access["client"], violation["rule"]) == ("ID", 1, "gate-closed")
    assert machine.inl(io) == 0x1000
    assert machine.inb(io) == 0xFF
    assert machine.violations() == ["access-size"]
    board.device.set_power(3)
    assert machine.inl(io) == 0xFFFFFFFF
    assert machine.violations() == ["access-not-in-d0"]


@pytest.mark.parametrize(
    ("properties", "bars"),
    [
        ("extra-bars=1", {0, 2, 4, 1}),
        ("extra-bars=2", {0, 2, 4, 1, 5}),
        ("extra-bars=1,ioport=on", {0, 1, 2, 4, 5}),
        ("extra-bars=4,ram-size=0", {0, 4, 1, 5, 2, 3}),
        ("extra-bars=5,ram-size=0,msix=off", {0, 1, 2, 3, 4, 5}),
        ("ram-size=0,msix=off,msi=off", {0}),
    ],
)
def test_the_number_of_bars_varies(make_buddy: Make, properties: str, bars: set[int]) -> None:
    assert set(make_buddy(properties).device.bars) == bars


def test_extra_bars_are_memory_of_the_wanted_size(make_buddy: Make) -> None:
    board = make_buddy("extra-bars=2,extra-bar-size=64K")
    for bar in (1, 5):
        address = board.device.bars[bar]
        assert address % 0x10000 == 0
        board.machine.write(address + 0xFFFC, 0x1000 + bar)
    assert [board.machine.read(board.device.bars[bar] + 0xFFFC) for bar in (1, 5)] == [0x1001, 0x1005]


def test_memory_is_recorded_when_asked(make_buddy: Make) -> None:
    board = make_buddy("ram-trace=on")
    board.machine.write(board.device.bars[2] + 0x20, 0xABCD, 2)
    assert board.machine.read(board.device.bars[2] + 0x20, 8) == 0xABCD
    records = [{k: v for k, v in r.items() if k not in ("seq", "t")} for r in board.machine.new_records()]
    assert records == [
        {"dev": "buddy0", "kind": "ram", "bar": 2, "offset": 32, "size": 2, "value": 0xABCD, "write": 1},
        {"dev": "buddy0", "kind": "ram", "bar": 2, "offset": 32, "size": 8, "value": 0xABCD, "write": 0},
    ]


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("clients=1", "2 to 8 are possible"),
        ("clients=9", "2 to 8 are possible"),
        ("ram-size=12K", "power of two from 4 KiB to 8 MiB"),
        ("extra-bars=3", "2 BARs are free"),
        ("extra-bars=1,extra-bar-size=100", "power of two from 4 KiB to 256 MiB"),
    ],
)
def test_properties_that_cannot_be_are_refused_with_what_can(start: Start, properties: str, message: str) -> None:
    with pytest.raises(QtestError, match=message):
        start(*ROOT_PORT, "-device", f"buddy,bus=rp0,{properties}")

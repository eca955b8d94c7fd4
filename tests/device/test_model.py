# SPDX-License-Identifier: MIT
"""Random sequences of accesses, waits and power changes: the device and the model agree read by read, violation by violation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.device.conftest import ROOT_PORT, Board, default_options
from tests.device.model import ACCESSIBLE, Model
from tests.device.qtest import Machine
from tests.device.registers import Client

CLIENTS = 3
CAPS = CLIENTS | CLIENTS << 8 | 1 << 17 | 16 << 20

pages = st.integers(0, CLIENTS - 1)
# Registers that make things happen are drawn more often than their share; a reserved offset now and then.
BUSY = (Client.SEM, Client.JOB_CTRL, Client.TXN_BEGIN, Client.TXN_DATA, Client.TXN_COMMIT, Client.INT_STATUS, Client.GATE)
offsets = st.sampled_from(ACCESSIBLE) | st.sampled_from(BUSY) | st.sampled_from([0x0A0, 0x7F4, 0x810, 0xFFC])
values = st.integers(0, 7) | st.integers(0, 0xFFFFFFFF)
# Accesses that are no aligned 32-bit ones: size and shift.
ODD = [(size, shift) for size in (1, 2, 4, 8) for shift in range(4) if (size, shift) != (4, 0)]
Action = tuple[str, int, int, int]  # what, page (or time, or state), offset, value (or index in ODD)


def write(page: int, offset: int, value: int) -> Action:
    """A write of a register."""
    return ("write", page, offset, value)


def job(page: int, duration: int, operand: int, wait: int) -> list[Action]:
    """A job as a driver does it."""
    return [
        *(write(page, Client.SEM, 1), write(page, Client.JOB_DURATION, duration), write(page, Client.JOB_ARG, operand)),
        *(write(page, Client.INT_ENABLE, 0x1F), write(page, Client.JOB_CTRL, 1), ("step", wait, 0, 0)),
        *(("read", page, Client.JOB_RESULT, 0), ("read", page, Client.JOB_COUNT, 0), ("read", page, Client.INT_STATUS, 0)),
    ]


def transaction(page: int, words: list[int], told: int) -> list[Action]:
    """A transaction, with the right number of words or not."""
    return [
        *(write(page, Client.SEM, 1), write(page, Client.TXN_BEGIN, 0)),
        *(write(page, Client.TXN_DATA, word) for word in words),
        *(write(page, Client.TXN_COMMIT, told), ("read", page, Client.TXN_RESULT, 0), write(page, Client.SEM, 0)),
    ]


# Single accesses hardly ever meet in a meaningful order, so whole programs are drawn too, cut short at times so that the
# next one comes in between.
single = st.one_of(
    st.tuples(st.just("read"), pages, offsets, st.just(0)),
    st.builds(write, pages, offsets, values),
    st.tuples(st.sampled_from(["odd-read", "odd-write"]), pages, offsets, st.integers(0, len(ODD) - 1)),
    st.tuples(st.just("step"), st.sampled_from([1, 999, 1000, 10_000, 1_000_000]), st.just(0), st.just(0)),
    st.tuples(st.just("power"), st.sampled_from([0, 0, 0, 3]), st.just(0), st.just(0)),
).map(lambda action: [action])
programs = st.one_of(
    st.builds(job, pages, st.integers(0, 20), values, st.sampled_from([1, 5_000, 30_000])),
    st.lists(values, max_size=3).flatmap(
        lambda words: st.builds(transaction, pages, st.just(words), st.sampled_from([len(words), len(words), len(words) + 1]))
    ),
    st.builds(
        lambda page, to, mail: [write(page, Client.MBOX_OUT, mail), write(page, Client.MBOX_SEND, to)], pages, pages, values
    ),
    st.just([write(0, Client.GATE, 7)]),
)
cut = st.tuples(programs, st.integers(1, 12)).map(lambda drawn: drawn[0][: drawn[1]])
sequences = st.lists(single | programs | cut, max_size=30).map(
    lambda parts: [write(0, Client.GATE, 7), *(a for part in parts for a in part)]
)


@pytest.fixture(scope="module")
def board(module: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """One machine for all examples; each begins with a reset by the owner."""
    options = default_options(module, tmp_path_factory.mktemp("model"))
    options.detail = "events"
    properties = f"clients={CLIENTS},no-soft-reset=on,ack-timeout=0"
    with Machine(options, *ROOT_PORT, "-device", f"buddy,id=buddy0,bus=rp0,{properties}") as machine:
        yield Board(machine)


def run(board: Board, sequence: list[Action]) -> None:
    """Carry a sequence out on both and compare."""
    board.device.set_power(0)
    board.set_reg(0, Client.CONTROL, 1)
    board.machine.new_records()
    model = Model(CLIENTS, CAPS)
    for position, (what, first, offset, value) in enumerate(sequence):
        if what == "read":
            assert board.reg(first, offset) == model.read(first, offset), f"step {position}: page {first}, offset {offset:#x}"
        elif what == "write":
            board.set_reg(first, offset, value)
            model.write(first, offset, value)
        elif what == "odd-read":
            size, shift = ODD[value]
            assert board.reg(first, offset + shift, size) == model.odd_access(first) & (1 << 8 * size) - 1
        elif what == "odd-write":
            size, shift = ODD[value]
            board.set_reg(first, offset + shift, (1 << 8 * size) - 1, size)
            model.odd_access(first)
        elif what == "step":
            board.machine.step(first)
            model.step(first)
        else:
            board.device.set_power(first)
            model.set_power(first)
    for page in range(CLIENTS):
        for offset in ACCESSIBLE:
            assert board.reg(page, offset) == model.read(page, offset), f"at the end: page {page}, offset {offset:#x}"
    assert board.machine.violations() == model.violations


settings.register_profile(
    "device", deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PROFILE = settings.get_profile("device")


@settings(PROFILE, max_examples=50, derandomize=True)
@given(sequence=sequences)
def test_device_and_model_agree(board: Board, sequence: list[Action]) -> None:
    run(board, sequence)


@pytest.mark.long
@settings(PROFILE, max_examples=2000)
@given(sequence=sequences)
def test_device_and_model_agree_for_long(board: Board, sequence: list[Action]) -> None:
    run(board, sequence)

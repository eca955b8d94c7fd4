# SPDX-License-Identifier: MIT
"""The journal is followed live, whole, in order, and without parsing what comes in bulk."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.base.alarm import Alarm
from orchestrator.base.verdict import Verdict
from orchestrator.journal.follower import Journal, around, tail
from orchestrator.journal.invariants import Invariants
from orchestrator.journal.record import TraceLine
from tests.orchestrator.journals import Records, access, lines, trace


def read_in_pieces(path: Path, data: bytes, cuts: list[int], in_order: bool = False) -> tuple[Journal, Alarm]:
    async def read() -> tuple[Journal, Alarm]:
        alarm = Alarm()
        path.unlink(missing_ok=True)
        journal = Journal(path, alarm, Invariants())
        edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
        with path.open("ab", buffering=0) as file:
            for start, end in itertools.pairwise(edges):
                file.write(data[start:end])
                await journal._read()
        await journal.finish(in_order)
        journal.close()
        return journal, alarm

    return asyncio.run(read())


UP = trace("borrower power-up device=0")
kinds = st.sampled_from(
    [access(), access(kind="write"), trace("owner start status=0x0"), {"kind": "gate", "client": 1, "open": 1}]
)


@given(st.lists(kinds, max_size=30), st.lists(st.integers(0, 5000), max_size=8))
def test_where_the_writer_pauses_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, records: Records, cuts: list[int]
) -> None:
    records = [UP, *records]
    journal, alarm = read_in_pieces(tmp_path_factory.getbasetemp() / "pieces.jsonl", lines(records), cuts)
    assert alarm.findings == []
    assert journal.count == len(records)
    rare = [(seq, r["kind"]) for seq, r in enumerate(records) if r["kind"] not in ("read", "write")]
    assert [(r.seq, r.kind) for r in journal.records] == rare


def test_a_gap_among_register_accesses_is_found_at_the_next_record(tmp_path: Path) -> None:
    data = lines([UP, access(), access(), access(), trace("kernel ready")]).splitlines(keepends=True)
    _, alarm = read_in_pieces(tmp_path / "j", b"".join(data[:2] + data[3:]), [])
    assert [f.verdict for f in alarm.findings] == [Verdict.HARNESS_ERROR]
    assert "record 3 was expected, 4 came" in alarm.findings[0].reason


def test_a_gap_at_the_end_is_found(tmp_path: Path) -> None:
    data = lines([UP, access(), access(), access()]).splitlines(keepends=True)
    _, alarm = read_in_pieces(tmp_path / "j", b"".join([data[0], data[1], data[3]]), [])
    assert alarm.findings and "3 records, but the last one is number 3" in alarm.findings[0].reason


def test_half_a_record_at_the_end_is_found(tmp_path: Path) -> None:
    _, alarm = read_in_pieces(tmp_path / "j", lines([UP, access()])[:-5], [])
    assert alarm.findings and "in the middle of a record" in alarm.findings[0].reason


def test_a_missing_end_is_found_when_qemu_ended_in_order(tmp_path: Path) -> None:
    """A disk that is full at the end of a run: whole records, no gap, but not all."""
    records: Records = [UP, access(), {"dev": "journal", "kind": "close"}]
    assert read_in_pieces(tmp_path / "j", lines(records), [], in_order=True)[1].findings == []
    assert read_in_pieces(tmp_path / "j", lines(records[:2]), [], in_order=False)[1].findings == []
    _, alarm = read_in_pieces(tmp_path / "j", lines(records[:2]), [], in_order=True)
    assert [f.verdict for f in alarm.findings] == [Verdict.HARNESS_ERROR]
    assert "the journal's end is missing: its last record is read, not close" in alarm.findings[0].reason


def test_what_is_no_record_is_found(tmp_path: Path) -> None:
    _, alarm = read_in_pieces(tmp_path / "j", b'{"kind":"gate"\n', [])
    assert alarm.findings and "no record" in alarm.findings[0].reason


def test_a_wait_is_ended_by_a_record_that_comes_later(tmp_path: Path) -> None:
    async def wait() -> int:
        path = tmp_path / "j"
        journal = Journal(path, Alarm(), Invariants())
        follower = asyncio.create_task(journal.follow())
        data = lines([UP, access(), trace("owner start device=0 status=0x0")]).splitlines(keepends=True)
        with path.open("ab", buffering=0) as file:
            file.write(data[0])
            waiter = asyncio.create_task(journal.expect({"kind": "trace", "line": "owner start"}, journal.mark()))
            await asyncio.sleep(0)
            file.write(b"".join(data[1:]))
            record = await asyncio.wait_for(waiter, 2)
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        journal.close()
        return record.seq

    assert asyncio.run(wait()) == 2


def test_bulk_records_are_counted_while_somebody_waits_for_them(tmp_path: Path) -> None:
    async def wait() -> None:
        path = tmp_path / "j"
        journal = Journal(path, Alarm(), Invariants())
        follower = asyncio.create_task(journal.follow())
        done = {"kind": "job", "client": 1, "event": "done"}
        data = lines([UP, done, {**done, "event": "start"}, done, {**done, "client": 0}, done])
        waiter = asyncio.create_task(journal.expect_bulk("job", {"client": 1, "event": "done"}, 3))
        two = asyncio.create_task(journal.expect_bulk("job", {"client": 1, "event": "done"}, 2))
        await asyncio.sleep(0)
        with path.open("ab", buffering=0) as file:
            file.write(data.rpartition(b'{"seq":5')[0])
            await asyncio.wait_for(two, 5)
            assert not waiter.done()
            file.write(data[data.index(b'{"seq":5') :])
        await asyncio.wait_for(waiter, 2)
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
        journal.close()

    asyncio.run(wait())


def test_tail_and_around(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(lines([access() for _ in range(500)]))
    assert [r.seq for r in around(path, 100, before=2, after=1)] == [98, 99, 100, 101]
    assert [r.seq for r in around(path, None, before=3)] == [497, 498, 499]
    assert len(tail(path, 100)) == 100


def test_trace_lines() -> None:
    line = TraceLine.parse("owner callback-begin dir=down client=1")
    assert (line.driver, line.event, line.values) == ("owner", "callback-begin", {"dir": "down", "client": "1"})
    assert TraceLine.parse("kernel").event == ""

# SPDX-License-Identifier: MIT
"""Follows the journal file while QEMU writes it.

A driver that works flat out makes hundreds of thousands of access records a second. Those are counted, searched by
one regular expression and otherwise passed over; only the rare kinds are parsed and kept.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.base.alarm import Alarm
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.journal.invariants import Invariants
from orchestrator.journal.record import Record

# Kinds that come at the rate of the driver's work.
BULK_KINDS = ("read", "write", "ram", "interrupt", "semaphore", "job", "txn", "dma")
# Small enough that other machines' answers do not wait while a chunk full of rare records is parsed.
_CHUNK = 1 << 16
# A reader that wakes for every record costs more than it learns: after so many looks in this time, or one that found so
# many bytes, new data is collected this long before it is read. (The event loop knows no shorter sleep.)
_COALESCE_SECONDS = 0.001
_MOST_LOOKS = 8
_FLOOD = 1 << 13


def _pattern(passed_over: tuple[str, ...]) -> re.Pattern[bytes]:
    return re.compile(b'"kind":"(?!' + b"|".join(kind.encode() + b'"' for kind in passed_over) + b")")


class Journal:
    """The journal of one machine: what was recorded so far, and waits for what will be."""

    def __init__(self, path: Path, alarm: Alarm, invariants: Invariants) -> None:
        """The file is created here, so that nothing that QEMU writes can be missed."""
        self.path = path
        self.records: list[Record] = []
        self._alarm = alarm
        self._invariants = invariants
        self._pattern = _pattern(BULK_KINDS)
        self._wanted_bulk: list[str] = []
        self._flooded = False
        self._lines = 0
        self._rest = b""
        # A register access that nobody may make, not yet reported.
        self._suspect: Record | None = None
        self._grown = asyncio.Condition()
        path.touch()
        self._fd = os.open(path, os.O_RDONLY)

    @property
    def count(self) -> int:
        """Number of records so far, of all kinds."""
        return self._lines

    def mark(self) -> int:
        """The point in the journal that is now; waits given it see every later record of the rare kinds."""
        return len(self.records)

    async def follow(self) -> None:
        """Read whatever is written, until cancelled."""
        from asyncinotify import Inotify, Mask

        with Inotify() as inotify:
            inotify.add_watch(self.path, Mask.MODIFY)
            await self._read()
            clock = asyncio.get_running_loop().time
            begin, looks, size = clock(), 0, 0
            async for _ in inotify:
                if clock() - begin > _COALESCE_SECONDS:
                    begin, looks = clock(), 0
                # What somebody waits for comes in small pieces and is read at once; a flood is collected.
                if looks == _MOST_LOOKS or size > _FLOOD:
                    await asyncio.sleep(_COALESCE_SECONDS)
                looks, size = looks + 1, await self._read()

    async def _read(self) -> int:
        """Read what there is; returns how much it was."""
        size = 0
        while chunk := os.read(self._fd, _CHUNK):
            size += len(chunk)
            before = len(self.records)
            self._take(chunk)
            if len(self.records) > before:
                async with self._grown:
                    self._grown.notify_all()
            await asyncio.sleep(0)
        return size

    def _take(self, chunk: bytes) -> None:
        data = self._rest + chunk
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        done = 0
        for match in self._pattern.finditer(data, 0, end):
            start = data.rfind(b"\n", 0, match.start()) + 1
            self._lines += data.count(b"\n", done, start)
            self._look_for_forbidden(data, done, start)
            stop = data.index(b"\n", start) + 1
            self._take_line(data[start:stop])
            self._lines += 1
            done = stop
        self._look_for_forbidden(data, done, end)
        self._lines += data.count(b"\n", done, end)

    def _take_line(self, line: bytes) -> None:
        try:
            record = Record.parse(line)
        except (ValueError, KeyError) as error:
            self._lost(f"line {self._lines + 1} of the journal is no record ({error!r}): {line[:120]!r}")
            return
        if record.seq != self._lines:
            self._lost(f"the journal has a gap: record {self._lines} was expected, {record.seq} came")
            self._lines = record.seq
        self.records.append(record)
        for finding in self._invariants.see(record):
            self._alarm.raise_(finding)
        self._accuse(record)
        if self._alarm.full and not self._flooded:
            # A driver that has gone wild makes violations as fast as others make accesses.
            self._flooded = True
            self._repattern()

    def _look_for_forbidden(self, data: bytes, start: int, end: int) -> None:
        forbidden = self._invariants.forbidden
        if forbidden is None or self._suspect or start == end:
            return
        if match := forbidden.pattern.search(data, start, end):
            begin = data.rfind(b"\n", 0, match.start()) + 1
            self._suspect = Record.parse(data[begin : data.index(b"\n", begin)])

    def _accuse(self, following: Record | None) -> None:
        """Report the forbidden access, unless the record that follows it is the hardware's own word on it."""
        suspect, self._suspect = self._suspect, None
        if suspect is None or (following and following.kind == "violation" and following.get("ref") == suspect.seq):
            return
        if finding := self._invariants.forbidden_access(suspect):
            self._alarm.raise_(finding)

    def _lost(self, reason: str) -> None:
        self._alarm.raise_(Finding(Verdict.HARNESS_ERROR, "journal-gap", reason))

    async def expect(self, wanted: Mapping[str, Any], since: int, times: int = 1) -> Record:
        """The record (the `times`-th) of a rare kind since the mark that has the wanted values. No limit: guard it."""
        return await self._find(lambda record: record.matches(wanted), since, times)

    async def expect_any(self, alternatives: Sequence[Mapping[str, Any]], since: int) -> Record:
        """The first record of a rare kind since the mark that has one set of the wanted values. No limit: guard it."""
        return await self._find(lambda record: any(record.matches(wanted) for wanted in alternatives), since, 1)

    async def expect_bulk(self, kind: str, wanted: Mapping[str, Any], times: int) -> None:
        """Wait until `times` more records of a bulk kind with the wanted values have come. No limit: guard it.

        While somebody waits for it, the kind is parsed and kept like the rare ones.
        """
        self._wanted_bulk.append(kind)
        self._repattern()
        since = self.mark()
        try:
            await self._find(lambda record: record.kind == kind and record.matches(wanted), since, times)
        finally:
            self._wanted_bulk.remove(kind)
            self._repattern()

    def _repattern(self) -> None:
        flood = ("violation",) if self._flooded else ()
        self._pattern = _pattern((*(kind for kind in BULK_KINDS if kind not in self._wanted_bulk), *flood))

    async def _find(self, fits: Callable[[Record], bool], since: int, times: int) -> Record:
        seen, looked = 0, since
        async with self._grown:
            while True:
                for record in itertools.islice(self.records, looked, None):
                    if fits(record):
                        seen += 1
                        if seen == times:
                            return record
                looked = len(self.records)
                await self._grown.wait()

    async def finish(self, in_order: bool = False) -> None:
        """Read what is left after QEMU has ended, and check that the last record is whole and has the right number.

        `in_order`: QEMU was neither killed nor did it crash, so that the last record must be `close`.
        """
        await self._read()
        self._accuse(None)
        if self._rest:
            self._lost(f"the journal ends in the middle of a record: {self._rest[:120]!r} (is the disk full?)")
        elif self._lines:
            last = tail(self.path, 1)
            try:
                record = Record.parse(last[0].encode())
            except (ValueError, KeyError, IndexError):
                self._lost(f"the journal's last line is no record: {last!r}")
                return
            if record.seq != self._lines - 1:
                self._lost(f"the journal has {self._lines} records, but the last one is number {record.seq}")
            elif in_order and record.kind != "close":
                self._lost(f"the journal's end is missing: its last record is {record.kind}, not close (is the disk full?)")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a file, without reading all of it."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096 * max(1, count // 8)))
        return file.read().decode(errors="replace").splitlines()[-count:]


def around(path: Path, seq: int | None, before: int = 20, after: int = 5) -> list[Record]:
    """The records around number `seq`; the last ones when it is None."""
    if seq is None:
        lines = [line.encode() for line in tail(path, before)]
    else:
        with path.open("rb") as file:
            lines = list(itertools.islice(file, max(0, seq - before), seq + after + 1))
    records = []
    for line in lines:
        try:
            records.append(Record.parse(line))
        except (ValueError, KeyError):
            continue
    return records

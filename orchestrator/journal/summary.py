# SPDX-License-Identifier: MIT
"""A whole journal in short, for reports: its rare records, and how many register accesses each client made when."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.journal.follower import BULK_KINDS
from orchestrator.journal.record import Record

_ACCESS = re.compile(rb'"t":(\d+),"dev":"([^"]*)","kind":"(?:read|write)","client":(-?\d+)')
_BULK = tuple(f'"kind":"{kind}"'.encode() for kind in BULK_KINDS)


@dataclass
class JournalSummary:
    """`accesses` counts by (device, client) and bin; there are `bins` bins between `begin` and `end` (nanoseconds)."""

    begin: int = 0
    end: int = 1
    bins: int = 1
    records: Sequence[Record] = ()
    accesses: Mapping[tuple[str, int], Counter[int]] = field(default_factory=dict)
    # Virtual time of some record numbers, in order; for placing steps.
    _times: Sequence[int] = ()

    def time_of(self, seq: int) -> int:
        """The virtual time of record number `seq`, the end's when there are fewer."""
        return self._times[seq] if seq < len(self._times) else self.end


def summarise(path: Path, bins: int = 400) -> JournalSummary:
    """Read a journal once. Lines that are no records are passed over: the run has already been judged."""
    records: list[Record] = []
    times: list[int] = []
    raw: list[tuple[int, tuple[str, int]]] = []
    if not path.is_file():
        return JournalSummary()
    with path.open("rb") as file:
        for line in file:
            if any(kind in line for kind in _BULK):
                match = _ACCESS.search(line)
                if match:
                    times.append(int(match[1]))
                    raw.append((times[-1], (match[2].decode(), int(match[3]))))
                else:
                    times.append(times[-1] if times else 0)
                continue
            try:
                record = Record.parse(line)
            except (ValueError, KeyError):
                continue
            records.append(record)
            times.append(record.t)
    if not times:
        return JournalSummary()
    begin, end = times[0], max(times[-1], times[0] + 1)
    accesses: dict[tuple[str, int], Counter[int]] = {}
    for t, key in raw:
        accesses.setdefault(key, Counter())[min(bins - 1, (t - begin) * bins // (end - begin))] += 1
    return JournalSummary(begin, end, bins, records, accesses, times)

# SPDX-License-Identifier: MIT
"""What the HTML report's timeline shows: lanes with bars and ticks, placed in per mille of the scenario's virtual time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.journal.record import Record, describe
from orchestrator.journal.summary import JournalSummary, summarise

_TRACE_DRIVERS = ("kernel", "owner", "borrower", "fredbus", "toaster", "oven", "pnptest")

# Ticks closer than this are one; of those, so many are told.
_TICKS_PER_MILLE = 2
_TOLD = 5


@dataclass(frozen=True)
class Mark:
    """A bar (`width` > 0) or a tick. `style` is a CSS class; `text` is shown when the mouse rests on it."""

    left: float
    width: float
    style: str
    text: str
    height: float = 1.0


@dataclass
class Lane:
    """One row of the timeline."""

    name: str
    marks: list[Mark] = field(default_factory=list)


class _Scale:
    def __init__(self, summary: JournalSummary) -> None:
        self._summary = summary

    def at(self, t: int) -> float:
        return 1000.0 * (t - self._summary.begin) / (self._summary.end - self._summary.begin)

    def bar(self, begin: int, end: int, style: str, text: str) -> Mark:
        return Mark(self.at(begin), max(0.5, self.at(end) - self.at(begin)), style, text)

    def tick(self, record: Record, style: str) -> Mark:
        return Mark(self.at(record.t), 0, style, describe(record).strip())


def lanes(directory: Path) -> tuple[list[Lane], float]:
    """The lanes for the scenario in `directory`, and its length in milliseconds of virtual time."""
    summary = summarise(directory / "journal.jsonl")
    scale = _Scale(summary)
    rows = [
        _steps(directory, summary, scale),
        *_hardware(summary, scale),
        *_accesses(summary),
        *(_traces(driver, summary, scale) for driver in _TRACE_DRIVERS),
        Lane("violations", [scale.tick(r, "violation") for r in summary.records if r.kind == "violation"]),
    ]
    for row in rows:
        row.marks = _thinned(row.marks)
    return [row for row in rows if row.marks], (summary.end - summary.begin) / 1e6


def _thinned(marks: list[Mark]) -> list[Mark]:
    """Ticks that nobody could tell apart become one, with what the first few of them say."""
    places: dict[tuple[int, str], list[Mark]] = {}
    kept = [mark for mark in marks if mark.width]
    for mark in marks:
        if not mark.width:
            places.setdefault((round(mark.left * _TICKS_PER_MILLE), mark.style), []).append(mark)
    for same in places.values():
        more = [f"… and {len(same) - _TOLD} more"] if len(same) > _TOLD else []
        kept.append(replace(same[0], text="\n".join([*(mark.text for mark in same[:_TOLD]), *more])))
    return kept


def _steps(directory: Path, summary: JournalSummary, scale: _Scale) -> Lane:
    lane = Lane("steps")
    try:
        steps = json.loads((directory / "steps.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return lane
    for number, step in enumerate(step for step in steps if not step["title"].startswith("repeat ")):
        text = f"{step['title']} ({step['seconds'] * 1e3:.0f} ms)" + (f": {step['error']}" if step["error"] else "")
        style = "failed" if step["error"] else ("step" if number % 2 else "step other")
        lane.marks.append(scale.bar(summary.time_of(step["first"]), summary.time_of(step["last"]), style, text))
    return lane


def _hardware(summary: JournalSummary, scale: _Scale) -> list[Lane]:
    rows: dict[str, Lane] = {}
    # Device -> (since when, power state) while it is there.
    now: dict[str, tuple[int, str]] = {}

    def close(dev: str, t: int) -> None:
        since, state = now.pop(dev)
        lane = rows.setdefault(dev, Lane(dev))
        lane.marks.append(scale.bar(since, t, state.lower(), f"{dev} in {state}, {(t - since) / 1e6:.3f} ms"))

    for record in summary.records:
        if record.kind == "slot" and record["event"] == "plug":
            now[record.dev] = (record.t, "D0")
        elif record.kind == "slot" and record["event"] in ("unplug", "yank") and record.dev in now:
            close(record.dev, record.t)
            rows[record.dev].marks.append(scale.tick(record, "gone"))
        elif record.kind == "power" and record.dev in now:
            close(record.dev, record.t)
            now[record.dev] = (record.t, str(record["to"]))
        elif record.kind in ("child", "fault", "machine"):
            rows.setdefault(record.dev, Lane(record.dev)).marks.append(scale.tick(record, record.kind))
    for dev in list(now):
        close(dev, summary.end)
    return [rows[dev] for dev in sorted(rows)]


def _accesses(summary: JournalSummary) -> list[Lane]:
    rows = []
    for (dev, client), bins in sorted(summary.accesses.items()):
        most = max(bins.values())
        name = f"{dev} client {client}" if client >= 0 else f"{dev} registers"
        width = 1000.0 / summary.bins
        milliseconds = (summary.end - summary.begin) / summary.bins / 1e6
        rows.append(Lane(name))
        for number, count in sorted(bins.items()):
            text = f"{name}, {number * milliseconds:.3f} to {(number + 1) * milliseconds:.3f} ms: {count} accesses"
            rows[-1].marks.append(Mark(number * width, width, "accesses", text, count / most))
    return rows


def _traces(driver: str, summary: JournalSummary, scale: _Scale) -> Lane:
    lines = [r for r in summary.records if (line := r.trace) and line.driver == driver]
    return Lane(f"{driver} says", [scale.tick(record, "trace") for record in lines])

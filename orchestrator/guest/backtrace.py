# SPDX-License-Identifier: MIT
"""A crash report's backtrace with source lines, resolved on the host from the symbols of kernel and drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.guest.guest import CrashReport
from orchestrator.guest.symbols import Address, SourceLine, source_lines

# What it interrupted stands behind this frame: an instruction, not one that a call returns to.
_INTERRUPT_ENTRY = "KiTrapEntry"


async def with_sources(report: CrashReport, files: Mapping[str, Path]) -> CrashReport:
    """The report with `source` (file and line of what is blamed) and `backtrace` (a readable line a frame, inlined calls too)."""
    names = [str(name) for name in report.details.get("backtrace", [])]
    frames = _frames(names, report.details.get("frames", []), bool(report.details.get("trap")))
    blamed = _blamed(report.details.get("blamed"))
    found = await source_lines([*(frame for frame in frames if frame), *([blamed] if blamed else [])], files)
    lines: list[str] = []
    for number, (name, frame) in enumerate(zip(names, frames, strict=False)):
        lines += _shown(number, name, found.get(frame, []) if frame else [])
    where = found.get(blamed, []) if blamed else []
    source = next((line.place for line in where if line.file and not line.file.startswith("/usr/")), None)
    return replace(report, source=source, backtrace=tuple(lines))


def _frames(names: Sequence[str], places: Sequence[Mapping[str, Any]], trap: bool) -> list[Address | None]:
    frames: list[Address | None] = []
    for number, place in enumerate(places):
        exact = trap if number == 0 else _INTERRUPT_ENTRY in names[number - 1]
        frames.append(Address(str(place["image"]), int(place["rva"]), exact) if place.get("image") else None)
    return frames


def _blamed(place: Mapping[str, Any] | None) -> Address | None:
    if not place or not place.get("image"):
        return None
    return Address(str(place["image"]), int(place["rva"]), bool(place.get("exact")))


def _shown(number: int, name: str, lines: Sequence[SourceLine]) -> list[str]:
    """The frame itself is the last of the source lines; before it come the calls that were inlined into it."""
    image = name.partition("!")[0]
    inlined = [f"{number:>3}  {image}!{line.function} (inlined)  {line.place or ''}".rstrip() for line in lines[:-1]]
    return [*inlined, f"{number:>3}  {name}  {lines[-1].place or ''}".rstrip() if lines else f"{number:>3}  {name}"]

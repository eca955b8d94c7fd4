# SPDX-License-Identifier: MIT
"""The little that we read from INF files: which hardware ids a driver is for, which services it adds and which images they have.

The guest itself reads the INF again and decides; this is for choosing drivers and for checking images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Inf:
    """What an INF says about its driver."""

    hardware_ids: tuple[str, ...]
    services: tuple[str, ...]
    # File names of the services' images.
    binaries: tuple[str, ...]


def read_inf(path: Path) -> Inf:
    """Read an INF (ANSI, UTF-8 or UTF-16 with a byte-order mark)."""
    sections = _sections(_decode(path.read_bytes()))
    ids: list[str] = []
    for section in _model_sections(sections):
        for line in sections.get(section, ()):
            _, _, value = line.partition("=")
            ids += [part.strip().upper() for part in value.split(",")[1:] if part.strip()]
    services = [
        line.partition("=")[2].split(",")[0].strip()
        for name, lines in sections.items()
        if name.endswith(".services")
        for line in lines
        if line.lower().replace(" ", "").startswith("addservice=")
    ]
    strings = dict(_assignments(sections.get("strings", ())))
    binaries = [
        re.sub(r"%(\w+)%", lambda match: strings.get(match[1].lower(), match[0]), value).rpartition("\\")[2]
        for lines in sections.values()
        for key, value in _assignments(lines)
        if key == "servicebinary"
    ]
    return Inf(*(tuple(dict.fromkeys(filter(None, found))) for found in (ids, services, binaries)))


def _assignments(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        key, equals, value = line.partition("=")
        if equals:
            yield key.strip().lower(), value.strip().strip('"')


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    return data.decode("utf-8-sig", errors="replace")


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for raw in text.splitlines():
        line = re.sub(r";[^\"]*$", "", raw).strip()
        if header := re.match(r"\[(.+)\]$", line):
            current = sections.setdefault(header[1].strip().lower(), [])
        elif line:
            current.append(line)
    return sections


def _model_sections(sections: dict[str, list[str]]) -> list[str]:
    # [Manufacturer] %Name% = Models,NTamd64,… leads to [Models.NTamd64]
    found = []
    for line in sections.get("manufacturer", ()):
        base, *decorations = [part.strip().lower() for part in line.partition("=")[2].split(",")]
        found += [base, *(f"{base}.{decoration}" for decoration in decorations)]
    return [name for name in found if name in sections]

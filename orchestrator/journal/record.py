# SPDX-License-Identifier: MIT
"""One journal record, and how it reads for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the journal (docs/journal.md); `fields` has all keys."""

    seq: int
    t: int
    dev: str
    kind: str
    fields: Mapping[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Record:
        """Parse one line. Raises ValueError or KeyError when it is no record."""
        fields = json.loads(line)
        return cls(fields["seq"], fields["t"], fields["dev"], fields["kind"], fields)

    def __getitem__(self, key: str) -> Any:
        return self.fields[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key that a record of this kind may lack."""
        return self.fields.get(key, default)

    @property
    def trace(self) -> TraceLine | None:
        """The trace line in it, if it is one."""
        return TraceLine.parse(str(self.fields["line"])) if self.kind == "trace" else None

    def matches(self, wanted: Mapping[str, Any]) -> bool:
        """Every wanted key has the wanted value. `line` matches a trace line that begins with these words."""
        for key, value in wanted.items():
            have = self.fields.get(key)
            if key == "line" and isinstance(have, str):
                if have != value and not have.startswith(f"{value} "):
                    return False
            elif have != value:
                return False
        return True


@dataclass(frozen=True, slots=True)
class TraceLine:
    """`<driver> <event>[ key=value]...`."""

    driver: str
    event: str
    values: Mapping[str, str]

    @classmethod
    def parse(cls, line: str) -> TraceLine:
        """Split a line; a line without an event has the event ''."""
        driver, _, rest = line.partition(" ")
        event, *pairs = rest.split(" ") if rest else [""]
        return cls(driver, event, dict(pair.partition("=")[::2] for pair in pairs))


def describe(record: Record) -> str:
    """One line for people: time in milliseconds, device, what happened."""
    f = record.fields
    match record.kind:
        case "read" | "write":
            gate = " (gate closed)" if f.get("gate") == 0 else ""
            text = f"client {f['client']} {record.kind} {f['reg']} = 0x{f['value']:x} in {f['power']}{gate}"
        case "trace":
            text = str(f["line"])
        case "violation":
            text = f"VIOLATION {f['rule']}: client {f.get('client')} {f.get('reg')} in {f.get('power')}, record {f.get('ref')}"
        case "power":
            text = f"power {f['from']} -> {f['to']} ({f['cause']})"
        case kind:
            rest = " ".join(f"{key}={value}" for key, value in f.items() if key not in ("seq", "t", "dev", "kind"))
            text = f"{kind} {rest}".rstrip()
    return f"{record.seq:>8} {record.t / 1e6:11.3f} ms  {record.dev:<8} {text}"

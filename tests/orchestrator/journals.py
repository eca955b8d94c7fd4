# SPDX-License-Identifier: MIT
"""Journals for tests, made of short records."""

from __future__ import annotations

import json
from typing import Any

Records = list[dict[str, Any]]


def lines(records: Records) -> bytes:
    """Records as the device writes them: numbered, in the fixed key order, without blanks."""
    text = ""
    for seq, record in enumerate(records):
        head = {"seq": seq, "t": seq * 1000, "dev": "buddy0" if record["kind"] != "trace" else "trace"}
        text += json.dumps({**head, **record}, separators=(",", ":")) + "\n"
    return text.encode()


def trace(line: str) -> dict[str, Any]:
    return {"kind": "trace", "cpu": 0, "line": line}


def access(client: int = 1, power: str = "D0", kind: str = "read") -> dict[str, Any]:
    return {"kind": kind, "client": client, "reg": "SCRATCH", "offset": 16, "size": 4, "value": 1, "power": power}

# SPDX-License-Identifier: MIT
"""A double of a guest's agent, for what no real guest does on demand: answers that come late, wrong or not at all."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


class FakeAgent:
    """Connects to the orchestrator's socket as QEMU would, and answers from a function; None means silence."""

    def __init__(self, socket: Path, answer: Answer, deaf_for: int = 0) -> None:
        """The first `deaf_for` messages are lost, as in a guest without a serial driver yet."""
        self._socket = socket
        self._answer = answer
        self._deaf_for = deaf_for
        self.received: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Serve until the connection ends."""
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        while line := await reader.readline():
            if self._deaf_for:
                self._deaf_for -= 1
                continue
            message = json.loads(line.rpartition(b"\xff")[2])
            self.received.append(message)
            answer: dict[str, Any] | None
            if message["execute"] == "guest-sync-delimited":
                writer.write(b"\xff")
                answer = {"return": message["arguments"]["id"]}
            else:
                answer = self._answer(message)
            if answer is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


def finished(answer: dict[str, Any], exit_code: int = 0) -> dict[str, Any]:
    """The answer of guest-exec-status for a buddyctl that has ended."""
    output = base64.b64encode(json.dumps(answer).encode() + b"\n").decode()
    return {"return": {"exited": True, "exitcode": exit_code, "out-data": output}}

# SPDX-License-Identifier: MIT
"""A double of a guest's agent, for what no real guest does on demand: answers that come late, wrong or not at all."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any] | None]


class FakeAgent:
    """Opens the orchestrator's pipes as QEMU would, and answers from a function; None means silence."""

    def __init__(self, pipes: Path, answer: Answer, deaf_for: int = 0) -> None:
        """The first `deaf_for` messages are lost, as in a guest without a serial driver yet."""
        self._pipes = pipes
        self._answer = answer
        self._deaf_for = deaf_for
        self.received: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Serve until the connection ends."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        incoming = os.fdopen(os.open(f"{self._pipes}.in", os.O_RDWR | os.O_NONBLOCK), "rb", 0)
        reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), incoming)
        outgoing = os.open(f"{self._pipes}.out", os.O_WRONLY | os.O_NONBLOCK)
        try:
            await self._serve(reader, outgoing)
        finally:
            reading.close()
            os.close(outgoing)

    async def _serve(self, reader: asyncio.StreamReader, outgoing: int) -> None:
        while line := await reader.readline():
            if self._deaf_for:
                self._deaf_for -= 1
                continue
            message = json.loads(line.rpartition(b"\xff")[2])
            self.received.append(message)
            answer: dict[str, Any] | None
            if message["execute"] == "guest-sync-delimited":
                os.write(outgoing, b"\xff")
                answer = {"return": message["arguments"]["id"]}
            else:
                answer = self._answer(message)
            if answer is not None:
                os.write(outgoing, json.dumps(answer).encode() + b"\n")


def finished(answer: dict[str, Any], exit_code: int = 0) -> dict[str, Any]:
    """The answer of guest-exec-status for a buddyctl that has ended."""
    output = base64.b64encode(json.dumps(answer).encode() + b"\n").decode()
    return {"return": {"exited": True, "exitcode": exit_code, "out-data": output}}

# SPDX-License-Identifier: MIT
"""The QEMU monitor: commands, and every event kept in order so that no wait can miss one.

A wait looks at events since a *mark*; take the mark before sending the command that causes the event.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qemu.qmp import ExecuteError, QMPClient
from qemu.qmp.error import QMPError

from orchestrator.base.errors import HarnessError

# What the library would print is told by our own errors.
logging.getLogger("qemu.qmp").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class QmpEvent:
    """One event of QEMU."""

    name: str
    data: Mapping[str, Any]


class QmpRefused(Exception):
    """QEMU answered a command with an error; the text is QEMU's."""

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(f"QEMU refused {command}: {answer}")
        self.command = command
        self.answer = answer


class Monitor:
    """One QMP connection. QEMU connects to us, so nobody has to poll for a socket to appear."""

    def __init__(self, socket: Path, log: Path) -> None:
        """`socket` is created by `listen`; every message goes to `log` as JSON Lines."""
        self._socket = socket
        self._client = QMPClient("orchestrator")
        self._log = log.open("w", encoding="utf-8")
        self._events: list[QmpEvent] = []
        self._arrived = asyncio.Condition()
        self._collector: asyncio.Task[None] | None = None
        self._subscribers: list[Callable[[QmpEvent], None]] = []

    async def listen(self) -> None:
        """Create the socket. Raises HarnessError when it cannot be created (in use, no permission)."""
        try:
            await self._client.start_server(str(self._socket))
        except (OSError, QMPError) as error:
            raise HarnessError(
                f"cannot create the QMP socket {self._socket}: {error.__cause__ or error}",
                "Is it in use by another run?",
            ) from error

    async def accept(self) -> None:
        """Wait for QEMU to connect and greet."""
        self._collector = asyncio.create_task(self._collect())
        await self._client.accept()
        greeting = self._client.greeting
        self._record({"greeting": greeting._asdict() if greeting else None})

    def subscribe(self, subscriber: Callable[[QmpEvent], None]) -> None:
        """`subscriber` is called at once for every later event."""
        self._subscribers.append(subscriber)

    async def _collect(self) -> None:
        with self._client.listener() as listener:
            async for message in listener:
                data = message.get("data")
                event = QmpEvent(str(message["event"]), data if isinstance(data, dict) else {})
                self._record({"event": event.name, "data": dict(event.data), "timestamp": message.get("timestamp")})
                self._events.append(event)
                for subscriber in self._subscribers:
                    subscriber(event)
                async with self._arrived:
                    self._arrived.notify_all()

    def _record(self, message: Mapping[str, Any]) -> None:
        if not self._log.closed:
            self._log.write(json.dumps(message) + "\n")

    def mark(self) -> int:
        """The point in the event stream that is now; waits given it see every later event."""
        return len(self._events)

    def seen(self, name: str, since: int = 0) -> list[QmpEvent]:
        """The events called `name` since the mark."""
        return [event for event in self._events[since:] if event.name == name]

    async def event(self, name: str, since: int, match: Mapping[str, Any] | None = None) -> QmpEvent:
        """The first event called `name` since the mark whose data contains `match`. Waits without limit: guard it."""
        wanted = match or {}
        async with self._arrived:
            while True:
                for event in self._events[since:]:
                    if event.name == name and all(event.data.get(k) == v for k, v in wanted.items()):
                        return event
                await self._arrived.wait()

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> Any:
        """Run a command; raises QmpRefused with QEMU's text, HarnessError when the connection is gone."""
        self._record({"execute": command, "arguments": arguments or {}})
        try:
            answer = await self._client.execute(command, dict(arguments) if arguments else None)
        except ExecuteError as error:
            self._record({"error": str(error)})
            raise QmpRefused(command, str(error)) from error
        except (QMPError, OSError) as error:
            raise HarnessError(f"QEMU's monitor did not take {command}: {error or type(error).__name__}") from error
        self._record({"return": answer})
        return answer

    async def close(self) -> None:
        """End the connection; never raises."""
        if self._collector:
            self._collector.cancel()
            await asyncio.gather(self._collector, return_exceptions=True)
        with contextlib.suppress(Exception):
            await self._client.disconnect()
        self._log.close()

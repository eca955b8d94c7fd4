# SPDX-License-Identifier: MIT
"""A client of the QEMU guest-agent protocol: JSON, one message a line, over the guest's second serial port.

QEMU connects to our socket. One command at a time, as the protocol demands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TextIO

from orchestrator.base.errors import HarnessError

# How long to wait for the answer to a sync before asking again: a guest that is still booting may not have a
# serial driver yet and lose the bytes.
_SYNC_AGAIN_SECONDS = 0.1
_SIGN_SECONDS = 1.0
_DELIMITER = b"\xff"


class AgentError(Exception):
    """The agent answered with an error."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(f"the guest agent refused {command}: {description}")
        self.description = description


class Agent:
    """The connection to one guest's agent. Waits have no limit here: guard them."""

    def __init__(self, socket: Path, log: Path) -> None:
        """`socket` is created by `listen`; messages go to `log` as JSON Lines."""
        self._socket = socket
        self._log: TextIO = log.open("w", encoding="utf-8")
        self._connected: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self._server: asyncio.Server | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._sync_id = 0
        # An answer may be outstanding (its wait was given up): sync before the next command.
        self._stale = True

    async def listen(self) -> None:
        """Create the socket. Raises HarnessError when that fails."""
        self._connected = asyncio.get_running_loop().create_future()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if not self._connected.done():
                self._connected.set_result((reader, writer))

        try:
            self._server = await asyncio.start_unix_server(connected, str(self._socket), limit=1 << 24)
        except OSError as error:
            raise HarnessError(f"cannot create the agent socket {self._socket}: {error}") from error

    async def ready(self, sign: Coroutine[Any, Any, object] | None = None, patient: bool = False) -> None:
        """Wait until the guest answers a sync.

        `sign` ends when there is a sign that the guest listens: bytes sent before that would be lost, and asking again costs
        time. A guest that gives no sign is asked all the same, a little later, but not by the `patient`.
        """
        async with self._turn:
            if sign is not None:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(sign, None if patient else _SIGN_SECONDS)
            await self._sync()

    async def execute(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Run a command and return its answer; raises AgentError."""
        async with self._turn:
            if self._stale:
                await self._sync()
            self._stale = True
            message: dict[str, Any] = {"execute": command}
            if arguments:
                message["arguments"] = arguments
            await self._send(json.dumps(message).encode() + b"\n")
            answer = await self._receive()
            self._stale = False
        if "error" in answer:
            raise AgentError(command, str(answer["error"].get("desc", answer["error"])))
        return answer.get("return")

    async def tell(self, command: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Send a command that answers nothing on success (guest-suspend-ram)."""
        async with self._turn:
            if self._stale:
                await self._sync()
            self._stale = True
            message: dict[str, Any] = {"execute": command}
            if arguments:
                message["arguments"] = arguments
            await self._send(json.dumps(message).encode() + b"\n")

    async def refusal(self) -> str:
        """After `tell`: wait for the error that says why it was refused. Never returns if the command succeeds."""
        async with self._turn:
            while True:
                answer = await self._receive()
                if "error" in answer:
                    return str(answer["error"].get("desc", answer["error"]))

    async def _sync(self) -> None:
        while True:
            self._sync_id += 1
            await self._send(
                _DELIMITER + json.dumps({"execute": "guest-sync-delimited", "arguments": {"id": self._sync_id}}).encode() + b"\n"
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SYNC_AGAIN_SECONDS):
                    # Older answers and errors about garbage come first; only the latest id is the sync.
                    while (await self._receive()).get("return") != self._sync_id:
                        pass
                    self._stale = False
                    return

    async def _send(self, data: bytes) -> None:
        if self._streams is None:
            self._streams = await asyncio.shield(self._connected)
        self._note(">", data)
        writer = self._streams[1]
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async def _receive(self) -> dict[str, Any]:
        assert self._streams is not None
        while True:
            line = await self._streams[0].readline()
            if not line:
                # QEMU is gone; its process watcher has the better reason and raises the alarm.
                await asyncio.Future()
            cut_off, _, text = line.strip().rpartition(_DELIMITER)
            if cut_off:
                self._note("< (an answer that was cut off)", cut_off)
            self._note("<", text)
            with contextlib.suppress(ValueError):
                answer = json.loads(text)
                if isinstance(answer, dict):
                    return answer

    def _note(self, direction: str, data: bytes) -> None:
        if not self._log.closed:
            self._log.write(direction + " " + data.strip(b"\xff\n").decode(errors="replace") + "\n")

    async def close(self) -> None:
        """End the connection and remove the socket; never raises."""
        if self._streams:
            self._streams[1].close()
            with contextlib.suppress(Exception):
                await self._streams[1].wait_closed()
        if self._server:
            self._server.close()
        self._log.close()

# SPDX-License-Identifier: MIT
"""A client of the QEMU guest-agent protocol: JSON, one message a line, over the guest's second serial port.

The port ends in two named pipes. A socket would hold QEMU up: its UART writes byte by byte, and in a socket each byte counts
as hundreds, so that a reply of 2 KB fills it eight times over; in a pipe the bytes lie side by side. One command at a time, as
the protocol demands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TextIO

from orchestrator.base.errors import HarnessError

# How long to wait for the answer to a sync before asking again: a guest that is still booting may not have a
# serial driver yet and lose the bytes.
_SYNC_AGAIN_SECONDS = 0.1
_SIGN_SECONDS = 1.0
_DELIMITER = b"\xff"


def _line(message: Mapping[str, Any]) -> bytes:
    """As short as JSON can be: the guest takes a few microseconds for each byte."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class AgentError(Exception):
    """The agent answered with an error."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(f"the guest agent refused {command}: {description}")
        self.description = description


class Agent:
    """The connection to one guest's agent. Waits have no limit here: guard them."""

    def __init__(self, pipes: Path, log: Path) -> None:
        """`pipes` + .in and .out are created by `listen`; messages go to `log` as JSON Lines."""
        self._pipes = pipes
        self._log: TextIO = log.open("w", encoding="utf-8")
        # Our own end of the guest's input: it keeps the pipe whole when QEMU is not there, or gone.
        self._held: int | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._sync_id = 0
        # An answer may be outstanding (its wait was given up): sync before the next command.
        self._stale = True

    async def listen(self) -> None:
        """Create the pipes. Raises HarnessError when that fails."""
        loop = asyncio.get_running_loop()
        try:
            for end in ("in", "out"):
                os.mkfifo(f"{self._pipes}.{end}", 0o600)
            self._held = os.open(f"{self._pipes}.in", os.O_RDONLY | os.O_NONBLOCK)
            into = os.open(f"{self._pipes}.in", os.O_WRONLY | os.O_NONBLOCK)
            # For both directions: an end of file would be seen as long as QEMU has not opened it.
            out = os.open(f"{self._pipes}.out", os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise HarnessError(f"cannot create the agent's pipes {self._pipes}: {error}") from error
        reader = asyncio.StreamReader(limit=1 << 24)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(out, "rb", 0))
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(into, "wb", 0))
        self._streams = (reader, asyncio.StreamWriter(transport, protocol, None, loop))

    async def ready(self, sign: Coroutine[Any, Any, object] | None = None, patient: bool = False) -> None:
        """Wait until the guest answers a sync.

        `sign` ends when there is a sign that the guest listens: bytes sent before that would be lost, and asking again costs
        time. A guest that gives no sign is asked all the same, a little later, but not by the `patient`.
        """
        async with self._turn:
            if sign is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(None if patient else _SIGN_SECONDS):
                        await sign
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
            await self._send(_line(message))
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
            await self._send(_line(message))

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
            await self._send(_DELIMITER + _line({"execute": "guest-sync-delimited", "arguments": {"id": self._sync_id}}))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SYNC_AGAIN_SECONDS):
                    # Older answers and errors about garbage come first; only the latest id is the sync.
                    while (await self._receive()).get("return") != self._sync_id:
                        pass
                    self._stale = False
                    return

    async def _send(self, data: bytes) -> None:
        assert self._streams is not None, "listen() comes first"
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
        """End the connection; never raises."""
        if self._streams:
            self._streams[1].close()
            with contextlib.suppress(Exception):
                await self._streams[1].wait_closed()
        if self._held is not None:
            os.close(self._held)
            self._held = None
        self._log.close()

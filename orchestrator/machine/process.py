# SPDX-License-Identifier: MIT
"""The QEMU process: started so that it cannot outlive us, and ended so that nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.base.errors import HarnessError

# How long QEMU gets to end by itself after SIGTERM before it is killed.
_GRACE_SECONDS = 1.0


def pdeathsig() -> list[str]:
    """A command prefix under which the kernel kills the process when we die, whatever kills us."""
    return ["setpriv", "--pdeathsig", "KILL", "--"]


def shown(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """The command as a line for a shell."""
    import shlex

    return " ".join([*(f"{key}={shlex.quote(value)}" for key, value in environment.items()), shlex.join(command)])


class QemuProcess:
    """One QEMU in a session of its own; stdout and stderr go to `log`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.command = list(command)
        self.environment = dict(environment)
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start QEMU. Raises HarnessError when the program cannot be run."""
        # The environment is set by env(1), after setpriv: a preloaded module must not get into any other program.
        settings = [f"{key}={value}" for key, value in self.environment.items()]
        with self._log.open("wb") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *pdeathsig(),
                    "env",
                    *settings,
                    *self.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise HarnessError(f"cannot start QEMU: {error}") from error

    @property
    def pid(self) -> int | None:
        """The process id while QEMU runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def ended_in_order(self) -> bool:
        """QEMU ended by itself or because we asked it to: it was not killed and did not crash."""
        return self._process is not None and self._process.returncode is not None and self._process.returncode >= 0

    async def exited(self) -> int:
        """Wait for the end; returns the exit status (negative: the signal)."""
        assert self._process is not None
        return await self._process.wait()

    def said(self) -> str:
        """What QEMU wrote to stdout and stderr."""
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace").strip()
        return ""

    async def stop(self) -> None:
        """End QEMU and everything in its session; returns when it is gone. Never raises but on cancellation."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE_SECONDS):
                    await self._process.wait()
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def kill(self) -> None:
        """End QEMU at once, without waiting; for the last resort when the event loop goes away."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

# SPDX-License-Identifier: MIT
"""Running a command's event loop so that it ends cleanly on signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """asyncio.run, where SIGTERM and SIGHUP end it as cleanly as Ctrl-C does.

    A signal that is ignored at the start stays ignored, as everywhere on Unix: SIGHUP under nohup, SIGINT of a job that a script
    put into the background (POSIX, Shell Command Language, 2.11 Signals and Error Handling).
    """

    async def wrapped() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, task.cancel)
        return await main

    try:
        return asyncio.run(wrapped())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

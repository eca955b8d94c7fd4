# SPDX-License-Identifier: MIT
"""What boot, run and bench share: finding QEMU, module, accelerator and guest, and ending cleanly on signals."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from orchestrator.base.paths import build_dir
from orchestrator.guest.catalogue import load_guest
from orchestrator.machine import accelerator, module
from orchestrator.scenario.execution import Bench

T = TypeVar("T")


async def make_bench(options: argparse.Namespace) -> Bench:
    """The bench that the command-line options ask for. Raises BadInput."""
    build = build_dir()
    guest = load_guest(options.guest, build)
    program = module.find_qemu(options.qemu)
    qemu = await module.fitting(program, build / "qemu-device")
    chosen = await accelerator.choose(program, build / "accelerator.json", options.accel)
    return Bench(qemu, chosen, guest)


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """asyncio.run, where SIGTERM and SIGHUP end it as cleanly as Ctrl-C does."""

    async def wrapped() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        return await main

    try:
        return asyncio.run(wrapped())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

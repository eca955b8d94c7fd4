# SPDX-License-Identifier: MIT
"""`orchestrator doctor`: is everything there that a run needs? Says what is not, and what to do about it."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from orchestrator.base.errors import OrchestratorError
from orchestrator.base.paths import build_dir
from orchestrator.guest.image import load_image
from orchestrator.machine import accelerator, module

PROGRAMS = {
    "x86_64-w64-mingw32-gcc": "builds drivers and test kernel (Debian: gcc-mingw-w64-x86-64)",
    "gcc": "builds the QEMU module",
    "make": "builds everything",
    "gdb": "opens memory dumps and debugs live (orchestrator boot --gdb)",
    "setpriv": "ties QEMU's life to ours (util-linux)",
}


def main(options: argparse.Namespace) -> int:
    """Run the command; 0 when everything is there."""
    return asyncio.run(_check())


async def _check() -> int:
    checks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        *((f"program {name}", _program(name, use)) for name, use in PROGRAMS.items()),
        ("QEMU", _qemu),
        ("QEMU module", _module),
        ("accelerator", _accelerator),
        ("image", _image),
        ("socket directory", _sockets),
    ]
    bad = 0
    for name, check in checks:
        try:
            print(f"ok       {name}: {await check()}")
        except OrchestratorError as error:
            bad += 1
            print(f"MISSING  {name}: {error}")
    print("everything that a run needs is there" if not bad else f"{bad} things are missing; `make image` brings most of them")
    return 1 if bad else 0


def _program(name: str, use: str) -> Callable[[], Awaitable[str]]:
    async def check() -> str:
        found = shutil.which(name)
        if found is None:
            raise OrchestratorError(f"not found; it {use}", "`make setup` installs it on Debian.")
        return found

    return check


async def _qemu() -> str:
    program = module.find_qemu()
    return f"{program} {await module.qemu_version(program)}"


async def _module() -> str:
    fitting = await module.fitting(module.find_qemu(), build_dir() / "qemu-device")
    return f"{fitting.module}, for this QEMU"


async def _accelerator() -> str:
    chosen = await accelerator.choose(module.find_qemu(), build_dir() / "accelerator.json")
    return f"{chosen.name} ({chosen.why})"


async def _image() -> str:
    image = load_image(build_dir(), "testkernel")
    return f"testkernel with {len(image.drivers)} drivers"


async def _sockets() -> str:
    with tempfile.TemporaryDirectory(prefix="orchestrator-") as directory:
        longest = len(str(Path(directory) / "agent"))
        if longest > 100:
            raise OrchestratorError(
                f"{directory}: {longest} characters are too many for a Unix socket's path",
                "Set TMPDIR to a shorter path.",
            )
    return tempfile.gettempdir()

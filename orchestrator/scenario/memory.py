# SPDX-License-Identifier: MIT
"""The guest's memory as evidence: a core file that gdb opens by one command, with the symbols of kernel and drivers."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import Any

from orchestrator.base.errors import HarnessError
from orchestrator.guest import gdb
from orchestrator.machine.qmp import QmpRefused
from orchestrator.scenario.context import Context

DUMP_SECONDS = 60.0
# Beside the dump itself: the rest of the run must still be written.
_SPARE_BYTES = 256 << 20


async def keep_memory(context: Context) -> dict[str, Any]:
    """Dump the guest's memory to memory.elf, with crash.gdb that opens it. Never raises.

    Returns facts for the report: `dump` and `debug` (the command), or `no_dump` with the reason.
    """
    files, machine = context.machine.files, context.machine
    size = machine.config.memory_mib << 20
    try:
        if shutil.disk_usage(files.run).free < size + _SPARE_BYTES:
            return {"no_dump": f"{files.run} has no space for a dump of {size >> 20} MiB"}
        await machine.dump(files.dump, DUMP_SECONDS)
        files.dump.chmod(0o644)
        await _make_sparse(str(files.dump))
        script = context.guest.dump_script(files.dump.absolute(), context.crash, files.console, context.drivers)
        if script is None:
            return {"dump": str(files.dump)}
        opener = files.run / "crash.gdb"
        opener.write_text(script, encoding="utf-8")
        return {"dump": str(files.dump), "debug": gdb.command(opener)}
    except (HarnessError, QmpRefused, TimeoutError, OSError) as error:
        return {"no_dump": f"the guest's memory could not be dumped: {error or type(error).__name__}"}


async def _make_sparse(path: str) -> None:
    """Most of the memory is zero: holes instead of zeros make 64 MiB two."""
    with contextlib.suppress(OSError):
        process = await asyncio.create_subprocess_exec(
            "fallocate", "--dig-holes", path, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        await process.wait()

# SPDX-License-Identifier: MIT
"""Chooses the accelerator by trying it: a host's /dev/kvm may open and still not run a guest.

The trial starts SeaBIOS and waits until it says that there is nothing to boot. The answer is kept in the build
directory until the host is rebooted or QEMU changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.machine.process import pdeathsig

# SeaBIOS needs less than a tenth of a second on any accelerator that is worth having, TCG included. A KVM that emulates most
# instructions got there once in three seconds, and then no guest of ours booted in twenty.
TRIAL_SECONDS = 1.0
_SIGN = b"No bootable device"


@dataclass(frozen=True)
class Accelerator:
    """`name` is what `-accel` takes; `why` is for people."""

    name: str
    why: str


async def choose(qemu: Path, cache: Path, wanted: str = "auto") -> Accelerator:
    """The accelerator to use. `wanted` other than `auto` is taken at its word; the trial's result is kept in `cache`."""
    if wanted != "auto":
        return Accelerator(wanted, "as asked")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return Accelerator("tcg", "/dev/kvm is not there or not open to this user")
    key = f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {qemu} {qemu.stat().st_mtime_ns}"
    with contextlib.suppress(OSError, ValueError, KeyError):
        kept = json.loads(cache.read_text())
        if kept["key"] == key:
            return Accelerator(kept["name"], kept["why"])
    chosen = (
        Accelerator("kvm", "KVM ran a trial guest")
        if await _runs(qemu, "kvm")
        else Accelerator("tcg", f"/dev/kvm opens, but a trial guest did not boot within {TRIAL_SECONDS:g} s")
    )
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps({"key": key, "name": chosen.name, "why": chosen.why}))
    return chosen


async def _runs(qemu: Path, accelerator: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *pdeathsig(),
        str(qemu),
        *("-accel", accelerator, "-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-m", "64"),
        *("-chardev", "stdio,id=bios,signal=off", "-device", "isa-debugcon,iobase=0x402,chardev=bios"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            await process.stdout.readuntil(_SIGN)
            return True
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

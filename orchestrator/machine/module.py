# SPDX-License-Identifier: MIT
"""The loadable QEMU module, and that it was built for this QEMU. A module for another version is refused, never loaded."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.base.errors import BadInput


@dataclass(frozen=True)
class QemuInstallation:
    """A QEMU program and the module that fits it."""

    program: Path
    version: str
    module: Path


def find_qemu(program: str = "qemu-system-x86_64") -> Path:
    """The path of the QEMU program; raises BadInput when there is none."""
    found = shutil.which(program)
    if found is None:
        raise BadInput(f"there is no {program}", "Debian: apt-get install qemu-system-x86; or `make setup`.")
    return Path(found)


async def qemu_version(program: Path) -> str:
    """The version that the program says it is, such as `7.2.22`."""
    process = await asyncio.create_subprocess_exec(
        str(program), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said = (await process.communicate())[0].decode(errors="replace")
    match = re.search(r"version (\d+\.\d+\.\d+)", said)
    if match is None:
        raise BadInput(f"{program} --version does not say a version, but: {said.strip()[:200]}")
    return match[1]


async def fitting(program: Path, directory: Path) -> QemuInstallation:
    """The module in `directory` (buddy.so, module.json), if it was built for this QEMU. Raises BadInput otherwise."""
    module, facts = directory / "buddy.so", directory / "module.json"
    if not module.is_file() or not facts.is_file():
        raise BadInput(f"the QEMU module is not built: {module} or {facts} is missing", "Run `make image`.")
    try:
        built_for = str(json.loads(facts.read_text(encoding="utf-8"))["qemu_version"])
    except (ValueError, KeyError) as error:
        raise BadInput(f"{facts} does not say a qemu_version: {error}", "Run `make clean image`.") from error
    installed = await qemu_version(program)
    match = re.search(r"\d+\.\d+\.\d+", built_for)
    if match is None or match[0] != installed:
        raise BadInput(
            f"the QEMU module was built for QEMU {built_for}, but {program} is {installed}; it was not loaded",
            "Run `make image` to build it for the installed QEMU.",
        )
    return QemuInstallation(program, installed, module)

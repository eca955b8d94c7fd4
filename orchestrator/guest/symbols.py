# SPDX-License-Identifier: MIT
"""Function, file and line of addresses in images: from DWARF by binutils' addr2line, from a PDB by LLVM's."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.base.paths import repository

_DWARF_TOOLS = ("x86_64-w64-mingw32-addr2line", "llvm-addr2line")
_PDB_TOOLS = ("llvm-addr2line", *(f"llvm-addr2line-{version}" for version in range(20, 13, -1)))
_SECONDS = 10.0
# The folders by which debug information names sources (-ffile-prefix-map in the makefiles).
SOURCES = ("guest-drivers", "images/testkernel")
# `file:line`, with what binutils adds for addresses that share a line.
_PLACE = re.compile(r"^(?P<file>.+):(?P<line>\d+)(?: \(discriminator \d+\))?$")


@dataclass(frozen=True)
class SourceLine:
    """What an address is in the source. A call that was inlined has a SourceLine of its own, innermost first."""

    function: str
    file: str | None = None
    line: int | None = None

    @property
    def place(self) -> str | None:
        """`guest-drivers/owner/power.c:82`."""
        return f"{self.file}:{self.line}" if self.file else None


@dataclass(frozen=True)
class Address:
    """A place in a loaded image: `owner.sys` and the offset from where it is loaded.

    `exact` addresses are of an instruction; others are what a call returns to, and the call is meant.
    """

    image: str
    rva: int
    exact: bool = False


async def source_lines(addresses: Iterable[Address], files: Mapping[str, Path]) -> dict[Address, list[SourceLine]]:
    """The source of each address whose image has symbols among `files` (image name -> file). What cannot be told is left out."""
    by_image: dict[str, list[Address]] = {}
    for address in addresses:
        if address.image in files:
            by_image.setdefault(address.image, []).append(address)
    found: dict[Address, list[SourceLine]] = {}
    images = list(by_image)
    for answer in await asyncio.gather(*(_of_image(files[image], by_image[image]) for image in images)):
        found.update(answer)
    return found


async def _of_image(file: Path, addresses: list[Address]) -> dict[Address, list[SourceLine]]:
    tools = _DWARF_TOOLS if _has_dwarf(file) else _PDB_TOOLS
    tool = next((path for name in tools if (path := shutil.which(name))), None)
    base = image_base(file)
    if tool is None or base is None:
        return {}
    numbers = {address: base + address.rva - (0 if address.exact else 1) for address in addresses}
    said = await _run(tool, "-a", "-f", "-i", "-e", str(file), *(hex(number) for number in numbers.values()))
    answers = parse_addr2line(said)
    return {address: lines for address, number in numbers.items() if (lines := answers.get(number))}


async def _run(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_SECONDS):
            return (await process.communicate())[0].decode(errors="replace")
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def parse_addr2line(said: str) -> dict[int, list[SourceLine]]:
    """The answers of `addr2line -a -f -i`: the address, then pairs of function and `file:line`, innermost first."""
    answers: dict[int, list[SourceLine]] = {}
    function: str | None = None
    lines: list[SourceLine] = []
    for line in said.splitlines():
        if re.fullmatch(r"0x[0-9a-fA-F]+", line):
            lines = answers.setdefault(int(line, 16), [])
            function = None
        elif function is None:
            function = line
        else:
            match = _PLACE.match(line)
            # Assembly has lines, but no functions.
            if match and int(match["line"]) and match["file"] != "??":
                lines.append(SourceLine(function, _within_repository(match["file"]), int(match["line"])))
            elif function != "??":
                lines.append(SourceLine(function))
            function = None
    return answers


def _within_repository(file: str) -> str:
    file = file.removeprefix(f"{repository()}/")
    # binutils 2.40 puts the compilation's folder before a file that is in it once too often.
    return next((file.removeprefix(f"{folder}/") for folder in SOURCES if file.startswith(f"{folder}/{folder}/")), file)


def image_base(file: Path) -> int | None:
    """The address that a PE32+ image was linked for; None when the file is none."""
    try:
        with file.open("rb") as image:
            head = image.read(4096)
        pe = struct.unpack_from("<I", head, 0x3C)[0]
        if head[pe : pe + 4] != b"PE\0\0" or struct.unpack_from("<H", head, pe + 24)[0] != 0x20B:
            return None
        return int(struct.unpack_from("<Q", head, pe + 48)[0])
    except (OSError, struct.error):
        return None


def _has_dwarf(file: Path) -> bool:
    """Long section names are in the string table at the file's end; `.debug_line` is there if there is DWARF."""
    try:
        return b".debug_line\0" in file.read_bytes()
    except OSError:
        return False

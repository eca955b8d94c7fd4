# SPDX-License-Identifier: MIT
"""Scripts for gdb: to look at a memory dump, and to debug a running guest. Each is opened by one command, `gdb -x SCRIPT`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.base.paths import repository
from orchestrator.guest.symbols import SOURCES, image_base

_IMAGES = Path(__file__).with_name("gdb_images.py")


@dataclass(frozen=True)
class LoadedImage:
    """An image in the guest's memory."""

    name: str
    base: int


def command(script: Path) -> str:
    """The command that opens gdb with a script."""
    return shlex.join(["gdb", "-q", "-x", str(script)])


def dump_script(dump: Path, kernel: Path, images: Sequence[LoadedImage], files: Mapping[str, Path]) -> str:
    """Opens the memory dump with the symbols of the kernel and of each image that has some, and shows the backtrace."""
    lines = [*_head(f"The guest's memory when it stopped: {dump.name}", kernel)]
    for image in images:
        base = image_base(files[image.name]) if image.name in files else None
        if base is not None and files[image.name] != kernel:
            lines.append(f"add-symbol-file {_quoted(files[image.name])} -o {image.base - base:#x}")
    return "\n".join([*lines, f"core-file {_quoted(dump)}", "backtrace", ""])


def live_script(socket: str, kernel: Path, files: Mapping[str, Path]) -> str:
    """Attaches to QEMU's gdb server; each driver's symbols are loaded when the guest loads the driver, before it runs."""
    symbols = {name: str(file) for name, file in files.items() if file != kernel}
    return "\n".join(
        [
            *_head("A running guest: set breakpoints (`break owner.c:82`, also in drivers to come), then `continue`", kernel),
            "set breakpoint pending on",
            f"target remote {socket}",
            f"source {_IMAGES}",
            f"python DriverSymbols({symbols!r})",
            "",
        ]
    )


def _head(title: str, kernel: Path) -> list[str]:
    return [
        f"# {title}",
        "set pagination off",
        "set confirm off",
        "set print pretty on",
        "set disassembly-flavor intel",
        *(f"set substitute-path {folder} {_quoted(repository() / folder)}" for folder in SOURCES),
        f"file {_quoted(kernel)}",
    ]


def _quoted(path: Path) -> str:
    return '"' + str(path).replace('"', '\\"') + '"' if " " in str(path) else str(path)

# SPDX-License-Identifier: MIT
"""Runs inside gdb: adds the symbols of each driver when the test kernel has loaded it (KdImageLoaded in its kd/debugger.c)."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Mapping
from pathlib import Path

import gdb  # type: ignore[import-untyped]


class DriverSymbols(gdb.Breakpoint):  # type: ignore[misc]
    """A breakpoint that never stops: at each hit it adds the symbol file of the driver that was loaded."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """`files`: symbol file by image name, such as `owner.sys`."""
        super().__init__("KdImageLoaded", internal=True)
        self.silent = True
        self._files = files

    def stop(self) -> bool:
        """Called by gdb when the kernel has loaded an image; the guest goes on."""
        image = gdb.newest_frame().read_var("Image")
        name = image["Name"].string()
        if name in self._files:
            with contextlib.suppress(gdb.error):
                offset = int(image["Base"]) - _linked_for(Path(self._files[name]))
                gdb.execute(f"add-symbol-file {self._files[name]} -o {offset:#x}", to_string=True)
        return False


def _linked_for(file: Path) -> int:
    with file.open("rb") as image:
        head = image.read(4096)
    return int(struct.unpack_from("<Q", head, struct.unpack_from("<I", head, 0x3C)[0] + 48)[0])

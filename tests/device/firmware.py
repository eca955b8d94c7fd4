# SPDX-License-Identifier: MIT
"""Small firmwares that are the whole guest of a test."""

from __future__ import annotations

import subprocess
from pathlib import Path


def assemble(source: Path, directory: Path, **symbols: int) -> Path:
    """A 64 KiB firmware image; `symbols` are defined for the assembler."""
    image, target = directory / f"{source.stem}.bin", directory / f"{source.stem}.o"
    defined = [f"--defsym={name}={value}" for name, value in symbols.items()]
    subprocess.run(["as", "--32", *defined, "-o", str(target), str(source)], check=True)
    subprocess.run(
        [
            *("ld", "--no-warnings", "-e", "base", "-m", "elf_i386", "-Ttext=0xf0000", "--oformat", "binary"),
            *("-o", str(image), str(target)),
        ],
        check=True,
    )
    return image

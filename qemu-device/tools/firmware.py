# SPDX-License-Identifier: MIT
"""Small firmwares that are the whole guest of a test or of the benchmark."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent


def assemble(source: Path, directory: Path, **symbols: int) -> Path:
    """A 64 KiB firmware image from an assembler file that includes firmware.inc; `symbols` are defined for it."""
    image, target = directory / f"{source.stem}.bin", directory / f"{source.stem}.o"
    defined = [f"--defsym={name}={value}" for name, value in symbols.items()]
    subprocess.run(["as", "--32", f"-I{HERE}", *defined, "-o", str(target), str(source)], check=True)
    layout = ("-e", "base", "-m", "elf_i386", "-Ttext=0xf0000", "--section-start=.reset=0xffff0", "--oformat", "binary")
    subprocess.run(["ld", "--no-warnings", *layout, "-o", str(image), str(target)], check=True)
    return image

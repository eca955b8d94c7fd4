# SPDX-License-Identifier: MIT
"""Building the drivers of one variant."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("owner", "borrower", "borrower-legacy", "fredbus", "toaster", "oven", "pnptest")


def build(folder: Path, *drivers: str, toolchain: str = "gcc", architecture: str = "x64") -> Path:
    """Build some drivers of one variant; returns the folder with one folder a driver."""
    variant = "" if (toolchain, architecture) == ("gcc", "x64") else f"-{toolchain}-{architecture}"
    choice = [f"BUILD={folder}", f"TOOLCHAIN={toolchain}", f"ARCH={architecture}"]
    images = folder / f"drivers{variant}"
    targets = [str(images / name / f"{name}.{suffix}") for name in drivers for suffix in ("sys", "inf")]
    command = ["make", "-s", "-j2", "-C", str(ROOT / "guest-drivers"), *choice, *targets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, f"the build must be free of warnings:\n{done.stderr}"
    return images

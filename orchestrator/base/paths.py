# SPDX-License-Identifier: MIT
"""Where things are: the repository and the build directory."""

from __future__ import annotations

import os
from pathlib import Path


def repository() -> Path:
    """The checkout that this package is run from (it is installed with `pip install -e`)."""
    return Path(__file__).resolve().parents[2]


def build_dir() -> Path:
    """The build directory: the environment's BUILD, else `build` in the repository. The makefiles use the same rule."""
    return Path(os.environ.get("BUILD") or repository() / "build").absolute()

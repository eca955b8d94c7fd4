# SPDX-License-Identifier: MIT
"""Builds the drivers once a test session, into a directory of the session's own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "guest-drivers"


def build_drivers(build: Path) -> Path:
    """Builds all drivers and mutants into `build`; returns the folder that holds one folder a driver."""
    done = subprocess.run(
        ["make", "-s", "-j2", "-C", str(SOURCES), f"BUILD={build}"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, f"the build must be free of warnings:\n{done.stderr}"
    return build / "drivers"


@pytest.fixture(scope="session")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the built drivers."""
    yield build_drivers(tmp_path_factory.mktemp("drivers"))

# SPDX-License-Identifier: MIT
"""Fixtures of buddyctl's tests: Wine with a driver double and its device, and two builds of buddyctl."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.buddyctl.harness import BUILD, DEVICE, Ask, Fake, asker
from tests.drivers.buddyctl.wine import Wine

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """Wine, with the driver double started and its device in the registry."""
    subprocess.run(["make", "-s", "-C", str(HERE), f"BUILD={BUILD}"], check=True)
    windows = Wine(tmp_path_factory.mktemp("wine") / "prefix")
    try:
        shutil.copy(BUILD / "buddyctl-tests" / "double.sys", windows.system32 / "drivers")
        assert windows.run("regedit", str(HERE / "double.reg")).returncode == 0
        windows.end()  # the service manager reads the registry when it starts
        windows.begin()
        windows.run("sc", "start", DEVICE)  # fails if Wine has loaded it for the device already
        assert b"RUNNING" in windows.run("sc", "query", DEVICE).stdout, "Wine did not load double.sys"
        yield windows
    finally:
        windows.end()


@pytest.fixture
def buddyctl(wine: Wine) -> Ask:
    """The program as it is shipped."""
    return asker(wine, BUILD / "buddyctl" / "buddyctl.exe")


@pytest.fixture
def fake(wine: Wine, tmp_path: Path) -> Fake:
    """Stand-in for the part of Windows that Wine lacks."""
    return Fake(asker(wine, BUILD / "buddyctl-tests" / "buddyctl-fake.exe"), tmp_path / "calls")

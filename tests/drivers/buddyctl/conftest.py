# SPDX-License-Identifier: MIT
"""Fixtures of buddyctl's tests: Wine with a driver double and its device, and two builds of buddyctl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE))

from wine import Wine  # noqa: E402

BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
DEVICE = "BuddyDouble"  # its service


@dataclass
class Answer:
    """What one run of buddyctl gave."""

    code: int
    json: Any


Ask = Callable[..., Answer]


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    """Wine, with the driver double started and its device in the registry."""
    subprocess.run(["make", "-s", "-C", str(HERE), f"BUILD={BUILD}"], check=True)
    windows = Wine(tmp_path_factory.mktemp("wine") / "prefix")
    try:
        shutil.copy(BUILD / "buddyctl-tests" / "double.sys", windows.system32 / "drivers")
        assert windows.run("regedit", str(HERE / "double.reg")).returncode == 0
        windows.end()  # the service manager reads the registry when it starts
        assert windows.run("net", "start", DEVICE).returncode == 0, "Wine did not load double.sys"
        yield windows
    finally:
        windows.end()


def asker(wine: Wine, program: Path) -> Ask:
    """A function that runs the program and checks what is true of every run: one line, one JSON object."""

    def ask(*arguments: str, **environment: str) -> Answer:
        done = wine.run(str(program), *arguments, environment=environment)
        assert done.stdout.endswith(b"\n") and done.stdout.count(b"\n") == 1, done.stdout
        answer = json.loads(done.stdout.decode("utf-8"))
        assert isinstance(answer, dict)
        assert (done.returncode == 0) == ("error" not in answer)
        return Answer(done.returncode, answer)

    return ask


@pytest.fixture
def buddyctl(wine: Wine) -> Ask:
    """The program as it is shipped."""
    return asker(wine, BUILD / "buddyctl" / "buddyctl.exe")


@dataclass
class Fake:
    """buddyctl over faked CfgMgr32 functions (fake_cm.c)."""

    ask: Ask
    log: Path

    def __call__(self, *arguments: str, **environment: str) -> Answer:
        """Run it with an empty log."""
        self.log.write_text("")
        return self.ask(*arguments, FAKE_CM_LOG=str(self.log), **environment)

    @property
    def calls(self) -> list[str]:
        """The functions that the last run called, with their flags."""
        return self.log.read_text().split("\n")[:-1]


@pytest.fixture
def fake(wine: Wine, tmp_path: Path) -> Fake:
    """Stand-in for the part of Windows that Wine lacks."""
    return Fake(asker(wine, BUILD / "buddyctl-tests" / "buddyctl-fake.exe"), tmp_path / "calls")

# SPDX-License-Identifier: MIT
"""Asking buddyctl, and what every answer must be like."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.drivers.buddyctl.wine import Wine

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
DEVICE = "BuddyDouble"  # the service of the driver double
INSTANCE = "ROOT\\BUDDYDOUBLE\\0000"


@dataclass
class Answer:
    """What one run of buddyctl gave."""

    code: int
    json: Any


Ask = Callable[..., Answer]


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

# SPDX-License-Identifier: MIT
"""Hardware that errs under correct drivers: suites/faults.yaml passes, and has a scenario for every fault of the device."""

from __future__ import annotations

import re

import pytest

from orchestrator.base.paths import repository
from tests.end_to_end.conftest import Command

SUITE = repository() / "suites" / "faults.yaml"


@pytest.mark.image
def test_the_drivers_survive_every_fault(command: Command) -> None:
    ended = command("run", str(SUITE), limit=180)
    assert ended.exit_code == 0, ended.output


def test_every_fault_is_there() -> None:
    page = (repository() / "docs" / "device.md").read_text()
    table = page.partition("| fault | what goes wrong | arguments |")[2].partition("\n\n")[0]
    faults = [name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z0-9-]+)`", line.split("|")[1])]
    armed = re.findall(r"\barm: \"?([a-z0-9-]+)", SUITE.read_text())
    assert len(faults) >= 14 and set(faults) == set(armed)

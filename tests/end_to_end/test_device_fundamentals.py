# SPDX-License-Identifier: MIT
"""The sequences of Microsoft's Device Fundamentals tests, on all our drivers at once (suites/device-fundamentals.yaml)."""

from __future__ import annotations

import pytest
import yaml

from orchestrator.base.paths import repository
from tests.end_to_end.conftest import Command

pytestmark = pytest.mark.image

SUITE = repository() / "suites" / "device-fundamentals.yaml"
# As Microsoft names them ("Device Fundamentals Tests").
TESTS = {
    "PNP Cancel Remove": ["pnp-cancel-remove"],
    "PNP Cancel Stop": ["pnp-cancel-stop"],
    "PNP DIF Remove": ["pnp-dif-remove"],
    "PNP Disable And Enable": ["pnp-disable-and-enable", "pnp-disable-and-enable-reboot"],
    "PNP Rebalance Fail Restart": ["pnp-rebalance-fail-restart"],
    "PNP Rebalance Request New Resources": ["pnp-rebalance-new-resources"],
    "PNP Remove": ["pnp-remove"],
    "PNP Stop (Rebalance)": ["pnp-stop-rebalance"],
    "PNP Surprise Remove": ["pnp-surprise-remove"],
    "Reboot Restart with IO": ["reboot-with-io-before-and-after", "reboot-with-io-during", "reboot-critical-with-io-during"],
    "Reinstall with IO": ["reinstall-with-io"],
    "Simple IO stress with process termination": ["io-stress-with-process-termination"],
    "Sleep with IO": ["sleep-with-io-before-and-after", "sleep-with-io-during"],
    "Sleep and PNP with IO": ["sleep-and-pnp-with-io"],
}
# Seconds each; the others share one run of half a minute.
LONG = {"io-stress-with-process-termination", "reinstall-with-io", "pnp-surprise-remove", "reboot-critical-with-io-during"}


def test_every_one_of_microsofts_tests_has_its_scenarios() -> None:
    scenarios = set(yaml.safe_load(SUITE.read_text())["scenarios"])
    assert scenarios == {name for names in TESTS.values() for name in names}


def run(command: Command, names: set[str]) -> None:
    ended = command("run", str(SUITE), *(word for name in sorted(names) for word in ("--only", name)), limit=300)
    assert ended.exit_code == 0, ended.output
    assert f"{len(names)} of {len(names)} passed" in ended.output


def test_the_short_sequences_pass(command: Command) -> None:
    run(command, {name for names in TESTS.values() for name in names} - LONG)


@pytest.mark.long
def test_the_long_sequences_pass(command: Command) -> None:
    run(command, LONG)

# SPDX-License-Identifier: MIT
"""The sequences of Microsoft's Device Fundamentals tests, on all our drivers at once (suites/device-fundamentals.yaml)."""

from __future__ import annotations

import json

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
    "Reinstall with IO": ["reinstall-with-io", "driver-update-with-io"],
    "Simple IO stress with process termination": ["io-stress-with-process-termination"],
    "Sleep with IO": ["sleep-with-io-before-and-after", "sleep-with-io-during"],
    "Sleep and PNP with IO": ["sleep-and-pnp-with-io"],
}
# Seconds each; the others share one run of half a minute.
LONG = {
    "driver-update-with-io",
    "io-stress-with-process-termination",
    "reinstall-with-io",
    "pnp-surprise-remove",
    "reboot-critical-with-io-during",
}

# A mutant that the sequence catches: each sequence finds something, and is no mere exercise.
CATCHES = {
    "pnp-cancel-remove": "owner-stays-remove-pending",
    "pnp-cancel-stop": "owner-stops-at-query",
    "pnp-dif-remove": "fredbus-deletes-present-child",
    "pnp-disable-and-enable": "owner-does-not-detach",
    "pnp-disable-and-enable-reboot": "owner-forgets-system-irp",
    "pnp-rebalance-fail-restart": "owner-vanishes-without-telling",
    "pnp-rebalance-new-resources": "borrower-keeps-old-address",
    "pnp-remove": "fredbus-does-not-reference",
    "pnp-stop-rebalance": "borrower-keeps-old-address",
    "pnp-surprise-remove": "owner-vanishes-without-telling",
    "reboot-with-io-before-and-after": "owner-forgets-system-irp",
    "reboot-with-io-during": "owner-forgets-system-irp",
    "reboot-critical-with-io-during": "borrower-miscounts",
    "reinstall-with-io": "borrower-leaks-links",
    "driver-update-with-io": "borrower-keeps-handle",
    "io-stress-with-process-termination": "owner-forgets-cancel-routine",
    "sleep-with-io-before-and-after": "owner-opens-gate-once",
    "sleep-with-io-during": "borrower-ignores-power-down",
    "sleep-and-pnp-with-io": "owner-sleeps-without-telling",
}


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


@pytest.mark.long
def test_each_sequence_catches_a_mutant(command: Command) -> None:
    suite = yaml.safe_load(SUITE.read_text())
    assert set(CATCHES) == set(suite["scenarios"])
    for name, mutant in CATCHES.items():
        suite["scenarios"][name]["replace"] = {mutant.partition("-")[0]: mutant}
    ended = command("run", command.suite(yaml.safe_dump(suite, sort_keys=False)), limit=400)
    verdicts = {each["name"]: each["verdict"] for each in json.loads((command.run / "results.json").read_text())["scenarios"]}
    wrong = {name: verdict for name, verdict in verdicts.items() if verdict not in ("driver failure", "guest bugcheck")}
    assert set(verdicts) == set(CATCHES) and not wrong, f"not caught: {wrong}\n{ended.output}"

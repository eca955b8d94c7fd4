# SPDX-License-Identifier: MIT
"""Every mutant is caught for the reason that suites/mutants.yaml names, and the correct drivers pass the same scenarios."""

from __future__ import annotations

import pytest
import yaml

from orchestrator.base.paths import repository
from tests.end_to_end.conftest import Command

SUITES = repository() / "suites"
MUTANTS = yaml.safe_load((SUITES / "mutants.yaml").read_text())
DESCRIBED = yaml.safe_load((repository() / "guest-drivers" / "mutants" / "mutants.yaml").read_text())


def test_every_mutant_has_a_scenario_of_its_name() -> None:
    assert set(MUTANTS["scenarios"]) == set(DESCRIBED)
    for name, scenario in MUTANTS["scenarios"].items():
        assert scenario["replace"] == {DESCRIBED[name]["driver"]: name}


def test_there_are_at_least_forty_mutants() -> None:
    assert len(DESCRIBED) >= 40


@pytest.mark.long
@pytest.mark.image
def test_every_mutant_is_caught_for_the_expected_reason(command: Command) -> None:
    ended = command("run", str(SUITES / "mutants.yaml"), limit=900)
    assert ended.exit_code == 0, ended.output


@pytest.mark.long
@pytest.mark.image
def test_the_correct_drivers_pass_the_same_scenarios(command: Command) -> None:
    correct = {
        name: {key: value for key, value in scenario.items() if key not in ("replace", "expect")}
        for name, scenario in MUTANTS["scenarios"].items()
    }
    # Many mutants share a scenario: once is enough.
    different = {str([s.get(key) for key in ("steps", "topology", "first", "patience")]): (n, s) for n, s in correct.items()}
    suite = {"defaults": MUTANTS["defaults"], "scenarios": dict(different.values())}
    ended = command("run", command.suite(yaml.safe_dump(suite, sort_keys=False)), limit=600)
    assert ended.exit_code == 0, ended.output


@pytest.mark.long
@pytest.mark.image
def test_every_mechanism_works_with_the_correct_drivers(command: Command) -> None:
    ended = command("run", str(SUITES / "mechanisms.yaml"), limit=600)
    assert ended.exit_code == 0, ended.output

# SPDX-License-Identifier: MIT
"""Scenario files: what is understood, and that mistakes are named with their line and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.base.errors import BadInput
from orchestrator.base.paths import repository
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.machine.topology import load_topology
from orchestrator.scenario.loader import load_suite
from orchestrator.scenario.model import Scenario
from orchestrator.scenario.steps.hotplug import Unplug
from orchestrator.scenario.steps.update import Update, packages
from orchestrator.scenario.steps.waiting import Repeat, WaitRecord

GOOD = """\
defaults:
  topology: buddy
scenarios:
  one:
    about: An example.
    first: borrower
    steps:
      - suspend
      - resume: {settle: false}
      - repeat:
          times: 3
          steps:
            - unplug: {device: buddy0, expect: vetoed}
"""


UPDATES = """\
defaults:
  topology: buddy
scenarios:
  one:
    about: An example.
    steps:
      - update: owner
      - repeat:
          times: 2
          steps:
            - update: {driver: owner-next, force: true}
      - update: {driver: owner-next, force: true, restart: true}
"""


def load(tmp_path: Path, text: str) -> list[Scenario]:
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    return list(load_suite(file).scenarios)


def test_a_scenario_is_read(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, GOOD)
    assert (scenario.name, scenario.topology, scenario.first, scenario.exercise) == ("one", "buddy", "borrower", "borrower")
    assert scenario.place.endswith("suite.yaml:5")
    repeat = scenario.steps[2]
    assert isinstance(repeat, Repeat) and repeat.times == 3
    assert repeat.steps == [Unplug("buddy0", vetoed=True)]


@pytest.mark.parametrize(
    ("good", "bad", "line", "parts"),
    [
        ("    first:", "    frist:", 6, ["unknown key 'frist'", "did you mean 'first'?", "about, guest, topology"]),
        ("first: borrower", "first: lender", 6, ["'lender'", "owner, borrower"]),
        ("      - suspend", "      - suspned", 8, ["unknown step 'suspned'", "did you mean 'suspend'?"]),
        ("      - suspend", "      - suspend: S2", 8, ["'S2'", "S1, S3"]),
        ("- unplug:", "- unplugg:", 13, ["unknown step 'unplugg'", "did you mean 'unplug'?"]),
        ("expect: vetoed", "expects: vetoed", 13, ["unknown key 'expects'", "did you mean 'expect'?"]),
        ("device: buddy0", "device: buddy7", 13, ["no device 'buddy7'", "did you mean 'buddy0'?"]),
        ("times: 3", "times: 0", 11, ["at least 1"]),
        ("times: 3", "times: three", 11, ["whole number"]),
        ("topology: buddy\n", "topology: budy\n", 2, ["no topology 'budy'", "Known: ", "buddy-and-fredbus"]),
        ("settle: false", "settle: 0", 9, ["true or false"]),
        ("    about: An example.\n", "", 5, ["needs the key 'about'"]),
        ("    about: An example.\n", "    about: a\n    about: b\n", 6, ["twice"]),
        ("defaults:\n", "default:\n", 1, ["unknown key 'default'", "did you mean 'defaults'?"]),
        ("times: 3", "times: [3", 12, ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, good: str, bad: str, line: int, parts: list[str]) -> None:
    assert good in GOOD
    with pytest.raises(BadInput) as error:
        load(tmp_path, GOOD.replace(good, bad, 1))
    message = str(error.value)
    assert message.startswith(f"{tmp_path / 'suite.yaml'}:{line}: "), message
    for part in parts:
        assert part in message


def test_an_expectation_must_name_a_reason(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="must name the reason"):
        load(tmp_path, GOOD + "    expect: {failure: hang}\n")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.yaml"):
        load_suite(tmp_path / "nowhere.yaml")


def test_expectations_match_only_their_reason(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, GOOD + "    expect: {failure: driver failure, name: violation, rule: [a, b]}\n")
    (expected,) = scenario.expected
    assert expected.fits(Finding(Verdict.DRIVER_FAILURE, "violation", "…", facts={"rule": "b"}))
    assert not expected.fits(Finding(Verdict.DRIVER_FAILURE, "violation", "…", facts={"rule": "c"}))
    assert not expected.fits(Finding(Verdict.DRIVER_FAILURE, "timeout", "…", facts={"rule": "b"}))
    assert not expected.fits(Finding(Verdict.HANG, "violation", "…", facts={"rule": "b"}))


def test_one_of_several_failures_may_be_expected(tmp_path: Path) -> None:
    alternatives = "    expect:\n      - {failure: hang, name: hang}\n      - {failure: guest bugcheck, code: 0xC4}\n"
    (scenario,) = load(tmp_path, GOOD + alternatives)
    assert [each.verdict for each in scenario.expected] == [Verdict.HANG, Verdict.GUEST_BUGCHECK]


def test_definitions_are_for_anchors_and_topology_files_lie_beside_the_suite(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("ports: [rp1]\ndevices: {buddy0: {driver: buddy, bus: rp1}}\n")
    text = GOOD.replace("topology: buddy", "topology: own.yaml")
    text = "definitions:\n  first: &first borrower\n" + text.replace("first: borrower", "first: *first")
    (scenario,) = load(tmp_path, text)
    assert scenario.first == "borrower"
    assert scenario.topology == str(tmp_path / "own.yaml")


@pytest.mark.parametrize("file", sorted((repository() / "suites").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_suite_that_comes_with_the_product_is_valid(file: Path) -> None:
    values = {"driver": "edu", "device": "edu", "hardware_id": "PCI"} if file.stem == "own-device" else {}
    assert load_suite(file, values).scenarios


VARIABLE = """\
variables:
  driver:
  times: 2
defaults: {topology: own.yaml, exercise: none}
scenarios:
  one:
    about: The driver $(driver) works.
    steps:
      - repeat: {times: $(times), steps: [{plug: $(driver)0}]}
"""


def load_with(tmp_path: Path, text: str, **values: str) -> list[Scenario]:
    (tmp_path / "own.yaml").write_text("ports: [rp1]\ndevices: {edu0: {driver: $(driver), hardware_id: X, bus: rp1}}\n")
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    return list(load_suite(file, values).scenarios)


def test_variables_have_defaults_and_reach_the_topology(tmp_path: Path) -> None:
    (scenario,) = load_with(tmp_path, VARIABLE, driver="edu")
    (repeat,) = scenario.steps
    assert isinstance(repeat, Repeat) and repeat.times == 2 and scenario.about == "The driver edu works."
    (scenario,) = load_with(tmp_path, VARIABLE, driver="edu", times="7")
    (repeat,) = scenario.steps
    assert isinstance(repeat, Repeat) and repeat.times == 7
    assert load_topology(scenario.topology, scenario.variables).device("edu0").driver == "edu"


@pytest.mark.parametrize(
    ("text", "values", "parts"),
    [
        (VARIABLE, {}, [":2: the variable 'driver' has no value", "--set driver=VALUE"]),
        (VARIABLE, {"driver": "edu", "time": "3"}, ["no variable 'time'; did you mean 'times'?", "driver, times"]),
        (VARIABLE, {"driver": "edu", "times": "three"}, [":9: ", "whole number"]),
        (
            VARIABLE.replace("{plug: $(driver)0}", "{plug: $(drivr)0}"),
            {"driver": "edu"},
            [":9: ", "no variable 'drivr'; did you mean 'driver'?"],
        ),
        (GOOD, {"driver": "edu"}, ["the suite has no variable 'driver'", "It has: none."]),
    ],
)
def test_a_mistake_with_a_variable_is_named(tmp_path: Path, text: str, values: dict[str, str], parts: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        load_with(tmp_path, text, **values)
    for part in parts:
        assert part in f"{caught.value}"


def test_update_steps_say_which_packages_lie_in_the_guest(tmp_path: Path) -> None:
    (scenario,) = load(tmp_path, UPDATES)
    assert packages(scenario.steps) == ("owner", "owner-next")
    update = scenario.steps[2]
    assert update == Update("owner-next", force=True, restart=True)
    assert update.title == "update to owner-next"


@pytest.mark.parametrize(("written", "since"), [("", "scenario"), (", new: true", "new"), (", new: step", "step")])
def test_which_records_a_wait_counts(tmp_path: Path, written: str, since: str) -> None:
    (scenario,) = load(tmp_path, GOOD.replace("- suspend", f"- wait: {{journal: {{kind: power}}{written}}}"))
    wait = scenario.steps[0]
    assert isinstance(wait, WaitRecord) and wait.since == since

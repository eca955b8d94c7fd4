# SPDX-License-Identifier: MIT
"""The product as a whole, on the built image: the default suite passes, each mutant is caught, wrong expectations fail."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ET

import pytest
import yaml

from orchestrator.base.paths import repository
from tests.end_to_end.conftest import Command, Finished
from tests.waiting import wait_until

pytestmark = pytest.mark.image

DEFAULT = repository() / "suites" / "default.yaml"
SCENARIOS = yaml.safe_load(DEFAULT.read_text())["scenarios"]
MUTANTS = [name for name, scenario in SCENARIOS.items() if "replace" in scenario]


def one(command: Command, name: str, **changes: object) -> str:
    """A suite with one scenario of the default suite, changed; None takes a key out."""
    suite = yaml.safe_load(DEFAULT.read_text())
    scenario = {**suite["scenarios"][name], **changes}
    scenario = {key: value for key, value in scenario.items() if value is not None}
    return command.suite(yaml.safe_dump({**suite, "scenarios": {name: scenario}}, sort_keys=False))


@pytest.fixture(scope="module")
def default_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Command, Finished]:
    """The default suite, run once."""
    from orchestrator.base.paths import build_dir

    command = Command(tmp_path_factory.mktemp("default"), build_dir())
    return command, command("run", str(DEFAULT), "--html", limit=180)


def test_the_default_suite_passes(default_run: tuple[Command, Finished]) -> None:
    command, ended = default_run
    assert ended.exit_code == 0, ended.output
    assert f"{len(SCENARIOS)} of {len(SCENARIOS)} passed" in ended.output
    assert command.left_behind() == []


def test_results_are_kept_as_json_junit_html_and_journals(default_run: tuple[Command, Finished]) -> None:
    command, _ = default_run
    results = json.loads((command.run / "results.json").read_text())
    assert [scenario["name"] for scenario in results["scenarios"]] == list(SCENARIOS)
    junit = ET.parse(command.run / "junit.xml").getroot()
    assert [case.get("name") for case in junit.findall("testcase")] == list(SCENARIOS)
    assert (command.run / "report.html").read_text().count("<svg") == len(SCENARIOS)
    for name in SCENARIOS:
        for file in ("journal.jsonl", "console.log", "qmp.jsonl", "command.txt", "steps.json"):
            assert (command.run / name / file).stat().st_size, f"{name}/{file} is empty"


def test_the_borrower_really_was_at_work(default_run: tuple[Command, Finished]) -> None:
    command, _ = default_run
    for name in set(SCENARIOS) - set(MUTANTS):
        journal = (command.run / name / "journal.jsonl").read_text()
        done = len(re.findall(r'"kind":"job","client":1,"event":"done"', journal))
        assert done >= 10, f"{name}: only {done} jobs of the borrower ended"


@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_mutant_is_caught_for_its_reason(default_run: tuple[Command, Finished], mutant: str) -> None:
    command, _ = default_run
    results = {s["name"]: s for s in json.loads((command.run / "results.json").read_text())["scenarios"]}
    assert results[mutant]["verdict"] == "passed"
    assert results[mutant]["reason"].startswith("caught: ")


def test_a_finished_run_is_printed_again(default_run: tuple[Command, Finished]) -> None:
    command, _ = default_run
    ended = command("report")
    assert ended.exit_code == 0 and f"{len(SCENARIOS)} of {len(SCENARIOS)} passed" in ended.output


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_without_an_expectation_fails(command: Command, mutant: str) -> None:
    ended = command("run", one(command, mutant, expect=None))
    assert ended.exit_code in (1, 3), ended.output
    assert "repeat:   orchestrator run" in ended.output


def test_a_mutant_that_is_expected_to_fail_otherwise_fails(command: Command) -> None:
    wrong = {"failure": "driver failure", "name": "violation", "rule": "torn-transaction"}
    ended = command("run", one(command, "mutant-ignores-power-down", expect=wrong))
    assert ended.exit_code == 1
    assert "it failed for another reason than the expected one" in ended.output


def test_a_correct_driver_where_a_failure_is_expected_fails(command: Command) -> None:
    ended = command("run", one(command, "mutant-ignores-power-down", replace=None, steps=[{"work": 10}]))
    assert ended.exit_code == 1 and "the mistake was not caught" in ended.output


def test_an_unplug_that_should_be_vetoed_but_is_granted_fails(command: Command) -> None:
    ended = command("run", one(command, "hot-unplug", steps=[{"unplug": {"device": "buddy0", "expect": "vetoed"}}]))
    assert ended.exit_code == 1, ended.output
    assert "the unplug of buddy0 was to be refused, but the guest granted it" in ended.output


def test_a_record_that_does_not_come_is_a_driver_failure_of_a_guest_that_lives(command: Command) -> None:
    wait = {"wait": {"journal": {"kind": "trace", "line": "owner dances"}, "limit": "200 ms"}}
    ended = command("run", one(command, "boot-owner-first", steps=[wait]))
    assert ended.exit_code == 1
    assert "the guest still answers" in ended.output and "owner dances" in ended.output


def test_a_wait_says_how_long_it_really_waited(command: Command) -> None:
    changes = {"topology": "fred-family", "replace": {"fredbus": "fredbus-keeps-news-to-itself"}, "exercise": "none"}
    ended = command("run", one(command, "boot-owner-first", **changes, patience="500 ms", steps=[{"plug": "toaster0"}]))
    assert ended.exit_code == 1
    assert "waited 0.5 s for the guest's devices to equal the hardware (1 fred-toaster in the machine" in ended.output


def test_an_interrupt_during_the_suite_leaves_nothing_and_keeps_what_there_is(command: Command) -> None:
    process = command.start("run", str(DEFAULT))

    def started() -> bool:
        assert process.poll() is None, "it ended before it was interrupted"
        return any(command.runs.glob("*/*/journal.jsonl"))

    wait_until(started, "a first journal")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=15)
    assert process.returncode == 130, output
    assert "interrupted" in output and "Traceback" not in output
    assert command.left_behind() == []


SESSION = """\
status
exercise borrower
plug toaster0
devices
unplug toaster0
yank buddy0
plug buddy0
suspend
status
resume
journal 5
exercise borrower stop
help
quit
"""


def test_a_session_at_the_prompt(command: Command) -> None:
    ended = command("boot", text=SESSION)
    assert ended.exit_code == 0, ended.output
    for part in (
        "machine   running",
        "has started exactly the devices that are there",
        "toaster",
        "machine   asleep",
        "plug DEVICE",
    ):
        assert part in ended.output
    assert "failed:" not in ended.output and "!!" not in ended.output


def test_a_driver_is_updated_at_the_prompt(command: Command) -> None:
    words = ("boot", "--topology", "buddy", "--package", "owner-pulses-event")
    ended = command(*words, text="update owner-pulses-event force\ndevices\nquit\n")
    assert ended.exit_code == 0, ended.output
    lines = [json.loads(line).get("line", "") for line in next(command.runs.glob("*/journal.jsonl")).read_text().splitlines()]
    installed = lines.index("owner unload")
    assert any(line.startswith("owner start status=0x00000000") for line in lines[installed:])


def test_a_mistake_at_the_prompt_is_told_and_counts(command: Command) -> None:
    ended = command("boot", text="plgu buddy0\nplug buddy9\nunplug\nquit\n")
    assert ended.exit_code == 1
    assert "unknown command 'plgu'; did you mean 'plug'?" in ended.output
    assert "has no device 'buddy9'" in ended.output
    assert "usage: unplug DEVICE" in ended.output


def test_the_qemu_line_is_shown(command: Command) -> None:
    ended = command("boot", "--print")
    assert ended.exit_code == 0
    assert ended.output.startswith("LD_PRELOAD=") and "-device buddy,id=buddy0,bus=rp1" in ended.output
    assert "root=ROOT\\BORROWER" in ended.output


def test_the_scenarios_are_listed(command: Command) -> None:
    ended = command("run", str(DEFAULT), "--list")
    assert ended.exit_code == 0
    assert [line.split()[0] for line in ended.output.splitlines()] == list(SCENARIOS)


def test_a_seed_is_handed_to_the_guest_and_to_whoever_repeats_it(command: Command) -> None:
    suite = one(command, "boot-owner-first", steps=[{"wait": {"journal": {"kind": "never"}, "limit": "50 ms"}}])
    ended = command("run", suite, "--seed", "7")
    assert ended.exit_code == 1
    assert "--only boot-owner-first --seed 7" in ended.output
    assert "seed=7" in (command.run / "boot-owner-first" / "command.txt").read_text()


YANKS = """
defaults: {topology: buddy, exercise: borrower}
scenarios:
  yanks:
    about: The device is pulled out again and again while the borrower hammers on it.
    steps:
      - repeat: {times: 20, steps: [{yank: buddy0}, {plug: buddy0}]}
"""


@pytest.mark.long
@pytest.mark.image
def test_a_driver_that_hammers_on_a_device_that_is_gone_does_not_starve_qemu_on_a_busy_host(command: Command) -> None:
    suite = command.suite(YANKS)
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range((os.cpu_count() or 1) + 1)]
    try:
        for _ in range(8):
            ended = command("run", suite, limit=90)
            assert ended.exit_code == 0, ended.output
            journal = (command.run / "yanks" / "journal.jsonl").read_text()
            assert journal.count("access-after-removal") < 1_000_000
    finally:
        for process in busy:
            process.kill()
            process.wait()

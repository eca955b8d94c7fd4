# SPDX-License-Identifier: MIT
"""The pytest plugin, in a pytest of its own: scenario files as tests, and tests in Python with a booted machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command, Finished
from tests.end_to_end.test_verdicts import PANIC, SUITE


def run_pytest(command: Command, *arguments: str) -> Finished:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--buddy-accel=tcg",
            f"--buddy-runs={command.runs}",
            *arguments,
        ],
        cwd=command.directory,
        env={**os.environ, "BUILD": str(command.build)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Finished(ended.returncode, ended.stdout + ended.stderr)


@pytest.mark.parametrize("tiny_guest", [PANIC], indirect=True)
def test_a_scenario_file_is_a_file_of_tests(tiny_guest: Command) -> None:
    expected = SUITE.split("\n", 1)[1].replace("  one:", "  two:") + "    expect: {failure: guest bugcheck, code: 0xD1}\n"
    suite = tiny_guest.suite(SUITE + expected)
    ended = run_pytest(tiny_guest, suite)
    assert ended.exit_code == 1
    assert "1 failed, 1 passed" in ended.output
    assert "guest bugcheck: bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL" in ended.output
    assert "repeat:   orchestrator run" in ended.output


def test_a_scenario_file_with_a_mistake_is_an_error_with_its_line(command: Command) -> None:
    ended = run_pytest(command, command.suite(SUITE.replace("about:", "abuot:")))
    assert ended.exit_code == 2
    assert "suite.yaml:3: unknown key 'abuot'" in ended.output


def test_a_scenario_file_that_was_not_asked_for_is_left_alone(command: Command) -> None:
    command.suite(SUITE)
    assert "no tests ran" in run_pytest(command, str(command.directory)).output


TESTS = """
import pytest

@pytest.mark.buddy(topology="buddy", exercise="borrower")
def test_survives_a_surprise_removal(buddy_vm):
    buddy_vm.work(5)
    buddy_vm.yank("buddy0")
    buddy_vm.plug("buddy0")
    buddy_vm.work(5)
    assert buddy_vm.exercise_status("borrower").operations > 0

@pytest.mark.buddy(replace={"borrower": "borrower-ignores-power-down"}, exercise="borrower")
def test_violations_fail_a_test_that_does_not_look(buddy_vm):
    buddy_vm.work(5)
    buddy_vm.unplug("buddy0")
"""


@pytest.mark.image
def test_a_test_in_python_gets_a_booted_machine(command: Command) -> None:
    (command.directory / "test_it.py").write_text(TESTS)
    ended = run_pytest(command, str(Path(command.directory) / "test_it.py"))
    assert ended.exit_code == 1, ended.output
    assert "1 failed, 1 passed" in ended.output or "1 passed, 1 error" in ended.output, ended.output
    assert "driver failure: " in ended.output
    assert "violation" in ended.output or "outside the time between its power-up and its power-down" in ended.output

# SPDX-License-Identifier: MIT
"""From findings to verdicts, exit codes and reports."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from rich.console import Console

from orchestrator.base.errors import BadInput
from orchestrator.base.events import ScenarioFinished, ScenarioStarted, StepStarted
from orchestrator.base.verdict import Finding, Verdict, worst
from orchestrator.report.console import Progress, show
from orchestrator.report.json_report import read_json, write_json
from orchestrator.report.junit import write_junit
from orchestrator.runner.result import RunResult, judge
from orchestrator.runner.run import select
from orchestrator.scenario.model import ExpectedFailure, Scenario, Suite
from tests.orchestrator.journals import access, lines, trace

GATE = Finding(Verdict.DRIVER_FAILURE, "violation", "buddy0: violation gate-closed", 3, {"rule": "gate-closed"})
CRASH = Finding(Verdict.GUEST_BUGCHECK, "bugcheck", "bugcheck 0xD1", None, {"code": 0xD1, "driver": "borrower"})
EXPECT_GATE = ExpectedFailure(Verdict.DRIVER_FAILURE, "violation", None, {"rule": "gate-closed"})


def scenario(name: str = "one", expected: ExpectedFailure | None = None) -> Scenario:
    expectations = [expected] if expected else []
    return Scenario(name, "about", "s.yaml:1", Path("s.yaml"), "testkernel", "buddy", [], expected=expectations)


@pytest.mark.parametrize(
    ("expected", "findings", "verdict", "part"),
    [
        (None, [], Verdict.PASSED, None),
        (None, [GATE, CRASH], Verdict.DRIVER_FAILURE, "gate-closed"),
        (EXPECT_GATE, [GATE], Verdict.PASSED, "caught: "),
        (EXPECT_GATE, [], Verdict.DRIVER_FAILURE, "not caught"),
        (EXPECT_GATE, [CRASH], Verdict.GUEST_BUGCHECK, "another reason"),
        (EXPECT_GATE, [CRASH, GATE], Verdict.GUEST_BUGCHECK, "another reason"),
    ],
)
def test_a_scenario_is_judged_by_its_first_finding(
    expected: ExpectedFailure | None, findings: list[Finding], verdict: Verdict, part: str | None
) -> None:
    result = judge(scenario(expected=expected), findings, 1.0, Path("d"))
    assert result.verdict is verdict
    assert part in (result.reason or "") if part else result.reason is None
    assert result.repeat == "orchestrator run s.yaml --only one"


def test_the_command_to_repeat_has_the_seed() -> None:
    result = judge(scenario(), [GATE], 1.0, Path("d"), seed=7)
    assert result.repeat == "orchestrator run s.yaml --only one --seed 7"


def test_each_class_has_its_own_exit_code() -> None:
    codes = [verdict.exit_code for verdict in Verdict]
    assert len(set(codes)) == len(codes)
    assert Verdict.PASSED.exit_code == 0 and 2 not in codes


def test_a_retry_is_suggested_only_when_nothing_else_failed() -> None:
    assert worst([Verdict.PASSED, Verdict.HARNESS_ERROR]) is Verdict.HARNESS_ERROR
    assert worst([Verdict.HARNESS_ERROR, Verdict.DRIVER_FAILURE]) is Verdict.DRIVER_FAILURE
    assert worst([]) is Verdict.HARNESS_ERROR


@pytest.fixture
def run(tmp_path: Path) -> RunResult:
    directory = tmp_path / "two"
    directory.mkdir()
    records = [trace("borrower power-down device=0"), access(), access(), {"kind": "violation", "rule": "gate-closed", "ref": 2}]
    (directory / "journal.jsonl").write_bytes(lines([*records, trace("control \x01 character")]))
    results = [
        judge(scenario("one"), [], 0.5, tmp_path / "one"),
        judge(scenario("two"), [GATE, CRASH], 0.25, directory),
        judge(scenario("three"), [Finding(Verdict.INTERRUPTED, "interrupted", "…")], 0, tmp_path / "three"),
        judge(scenario("four"), [Finding(Verdict.HARNESS_ERROR, "harness", "no disk")], 0, tmp_path / "four"),
    ]
    return RunResult("suites/s.yaml", tmp_path, 1.5, {"accelerator": "tcg"}, results)


def test_the_console_shows_table_reason_records_and_the_command_to_repeat(run: RunResult) -> None:
    output = io.StringIO()
    show(Console(file=output, width=200), run)
    text = output.getvalue()
    for part in ("one", "passed", "0.50 s", "buddy0: violation gate-closed", "also: bugcheck 0xD1", "repeat:   orchestrator run"):
        assert part in text
    assert ">        3" in text and "borrower power-down" in text
    assert "1 of 4 passed" in text


def test_json_reads_back_what_it_wrote(run: RunResult) -> None:
    write_json(run, run.directory / "results.json")
    assert read_json(run.directory) == run


@pytest.mark.parametrize("content", [None, "{", "{}", '{"format": 99}'])
def test_a_directory_without_a_result_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(BadInput, match=r"results\.json"):
        read_json(tmp_path)


def test_junit_tells_failures_from_errors(run: RunResult) -> None:
    write_junit(run, run.directory / "junit.xml")
    suite = ET.parse(run.directory / "junit.xml").getroot()
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    failure = suite.find("testcase[@name='two']/failure")
    assert failure is not None and failure.get("type") == "driver failure"
    assert "gate-closed" in (failure.text or "") and "repeat: orchestrator run" in (failure.text or "")


def test_progress_without_a_terminal_is_a_line_a_scenario() -> None:
    output = io.StringIO()
    with Progress(Console(file=output, width=100), 2) as progress:
        progress(ScenarioStarted("one"))
        progress(StepStarted("one", "plug [buddy0]"))
        progress(ScenarioFinished("one", Verdict.DRIVER_FAILURE, 0.5, "because [it] did"))
    assert output.getvalue().splitlines() == ["[ 1/2] driver failure one  0.50 s", "        because [it] did"]


def test_scenarios_are_chosen_by_name_or_pattern() -> None:
    suite = Suite(Path("s.yaml"), [scenario("unplug"), scenario("unplug-late"), scenario("yank")])
    assert [s.name for s in select(suite, [])] == ["unplug", "unplug-late", "yank"]
    assert [s.name for s in select(suite, ["unplug*"])] == ["unplug", "unplug-late"]
    with pytest.raises(BadInput, match="did you mean 'yank'"):
        select(suite, ["yanck"])

# SPDX-License-Identifier: MIT
"""The plugin: options, the `buddy_vm` fixture, and scenario files given on pytest's command line as tests."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from orchestrator.pytest_plugin.virtual_machine import VirtualMachine
    from orchestrator.runner.result import ScenarioResult
    from orchestrator.scenario.execution import Bench
    from orchestrator.scenario.model import Scenario

_BENCH: pytest.StashKey[Bench] = pytest.StashKey()
_RUN: pytest.StashKey[Path] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """How machines are made; the same choices as the command's."""
    group = parser.getgroup("buddy", "virtual machines with the buddy device")
    group.addoption("--buddy-accel", default="auto", help="auto (try KVM, else TCG), kvm or tcg")
    group.addoption("--buddy-guest", default="testkernel", help="which guest")
    group.addoption("--buddy-qemu", default="qemu-system-x86_64", help="the QEMU to use")
    group.addoption("--buddy-runs", default="runs", help="where journals and logs are kept")


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of our marker."""
    settings = "topology, first, replace, exercise, allowed_rules, journal_detail, limit"
    config.addinivalue_line("markers", f"buddy({settings}): how the buddy_vm fixture's machine is made")


def _bench(config: pytest.Config) -> Bench:
    if _BENCH not in config.stash:
        from orchestrator.runner.bench import make_bench

        options = [config.getoption(f"--buddy-{name}") for name in ("guest", "qemu", "accel")]
        config.stash[_BENCH] = asyncio.run(make_bench(*options))
    return config.stash[_BENCH]


def _directory(config: pytest.Config, name: str) -> Path:
    if _RUN not in config.stash:
        from orchestrator.runner.directory import new_run_directory

        config.stash[_RUN] = new_run_directory(Path(config.getoption("--buddy-runs")))
    clean = re.sub(r"[^\w.-]+", "-", name).strip("-")
    directory, number = config.stash[_RUN] / clean, 1
    while directory.exists():
        number += 1
        directory = config.stash[_RUN] / f"{clean}-{number}"
    return directory


@pytest.fixture
def buddy_vm(request: pytest.FixtureRequest) -> Iterator[VirtualMachine]:
    """A booted machine with its devices started; made as `@pytest.mark.buddy(topology=…, first=…, …)` says.

    After the test the checks of every scenario are made, and what the journal found fails the test too.
    """
    from orchestrator.pytest_plugin.virtual_machine import VirtualMachine
    from orchestrator.scenario.model import Scenario

    marker = request.node.get_closest_marker("buddy")
    scenario = Scenario("pytest", request.node.name, "", Path(), request.config.getoption("--buddy-guest"), "buddy", [])
    scenario = replace(scenario, **{"exercise": None, **(marker.kwargs if marker else {})})
    machine = VirtualMachine(_bench(request.config), scenario, _directory(request.config, request.node.name))
    try:
        yield machine
    finally:
        findings = machine.finish()
    if findings:
        pytest.fail(f"{findings[0].verdict}: {findings[0].reason}\nevidence: {machine.directory}", pytrace=False)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A scenario file is collected when it is named on the command line, never by walking through folders."""
    asked = (str(argument).partition("::")[0] for argument in parent.config.args)
    if file_path.suffix in (".yaml", ".yml") and any(Path(each).resolve() == file_path for each in asked):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


class SuiteFile(pytest.File):
    """A scenario file; each scenario is a test."""

    def collect(self) -> Iterator[ScenarioItem]:
        """The scenarios, in the file's order. A mistake in the file is an error with its line."""
        from orchestrator.base.errors import BadInput
        from orchestrator.scenario.loader import load_suite

        try:
            suite = load_suite(self.path)
        except BadInput as error:
            raise self.CollectError(str(error)) from None
        for scenario in suite.scenarios:
            yield ScenarioItem.from_parent(self, name=scenario.name, scenario=scenario)


class _NotPassed(Exception):
    def __init__(self, result: ScenarioResult) -> None:
        super().__init__(result.reason)
        self.result = result


class ScenarioItem(pytest.Item):
    """One scenario of a file."""

    def __init__(self, *, scenario: Scenario, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.scenario = scenario

    def runtest(self) -> None:
        """Run the scenario in a machine of its own."""
        from orchestrator.base.verdict import Verdict
        from orchestrator.runner.run import run_scenario

        directory = _directory(self.config, self.name)
        result = asyncio.run(run_scenario(_bench(self.config), self.scenario, directory))
        if result.verdict is not Verdict.PASSED:
            raise _NotPassed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Verdict, reason, the journal around it and how to repeat it, instead of a traceback through our code."""
        if not isinstance(excinfo.value, _NotPassed):
            return str(super().repr_failure(excinfo, style))
        from orchestrator.report.console import journal_lines

        result = excinfo.value.result
        seq = result.findings[0].seq if result.findings else None
        lines = [f"{result.verdict}: {result.reason}", *journal_lines(result, seq)]
        return "\n".join([*lines, f"evidence: {result.directory}", f"repeat:   {result.repeat}"])

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the scenario is written."""
        return self.path, int(self.scenario.place.rpartition(":")[2]) - 1, self.name

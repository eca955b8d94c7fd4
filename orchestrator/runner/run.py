# SPDX-License-Identifier: MIT
"""Runs the chosen scenarios of a suite, several VMs at a time, each scenario in a run directory of its own."""

from __future__ import annotations

import asyncio
import fnmatch
import time
from collections.abc import Sequence
from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.base.events import ScenarioFinished, ScenarioStarted
from orchestrator.base.strict_yaml import nearest
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.runner.result import RunResult, ScenarioResult, judge
from orchestrator.scenario.execution import Bench, Options, execute, guest_of, installed
from orchestrator.scenario.model import Scenario, Suite


def select(suite: Suite, patterns: Sequence[str]) -> list[Scenario]:
    """The scenarios whose names match one of the patterns (shell style); all without patterns. BadInput if one matches none."""
    if not patterns:
        return list(suite.scenarios)
    names = [scenario.name for scenario in suite.scenarios]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise BadInput(f"{suite.file} has no scenario {pattern!r}{nearest(pattern, names)}", f"It has: {', '.join(names)}.")
    return [s for s in suite.scenarios if any(fnmatch.fnmatch(s.name, pattern) for pattern in patterns)]


async def run_scenarios(
    bench: Bench,
    suite: Suite,
    scenarios: Sequence[Scenario],
    directory: Path,
    jobs: int,
    options: Options | None = None,
) -> RunResult:
    """Run the scenarios, `jobs` VMs at a time.

    Cancelling ends all VMs and returns what there is; scenarios without a verdict are `interrupted`.
    """
    for scenario in scenarios:
        # Before the first VM starts: drivers that the image does not have are a mistake in the file.
        _check_drivers(bench, scenario)
    started = time.monotonic()
    places = asyncio.Semaphore(jobs)
    results: dict[str, ScenarioResult] = {}

    async def one(scenario: Scenario) -> None:
        async with places:
            results[scenario.name] = await run_scenario(bench, scenario, directory / scenario.name, options)

    tasks = [asyncio.create_task(one(scenario)) for scenario in scenarios]
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current:
            current.uncancel()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for scenario in scenarios:
        if scenario.name not in results:
            finding = Finding(Verdict.INTERRUPTED, "interrupted", "the run was interrupted before the scenario's end")
            results[scenario.name] = judge(scenario, [finding], 0.0, directory / scenario.name)
    environment = {
        "qemu": f"{bench.qemu.program} {bench.qemu.version}",
        "accelerator": f"{bench.accelerator.name} ({bench.accelerator.why})",
        "guest": bench.guest.version(),
    }
    ordered = [results[scenario.name] for scenario in scenarios]
    return RunResult(str(suite.file), directory, time.monotonic() - started, environment, ordered)


def _check_drivers(bench: Bench, scenario: Scenario) -> None:
    try:
        guest = guest_of(bench, scenario)
        for role in scenario.replace:
            if role not in guest.drivers():
                raise BadInput(f"it replaces {role!r}; the image has {', '.join(guest.drivers())}")
        for driver in installed(guest, scenario):
            guest.standing_for(driver)
    except BadInput as error:
        raise BadInput(f"{scenario.place}: scenario {scenario.name}: {error.problem}", error.remedy) from error


async def run_scenario(bench: Bench, scenario: Scenario, directory: Path, options: Options | None = None) -> ScenarioResult:
    """Run one scenario; events tell of its start and end."""
    bench.bus.emit(ScenarioStarted(scenario.name))
    started = time.monotonic()
    try:
        directory.mkdir(parents=True)
        findings = await execute(bench, scenario, directory, options)
    except asyncio.CancelledError:
        seconds = time.monotonic() - started
        bench.bus.emit(ScenarioFinished(scenario.name, Verdict.INTERRUPTED, seconds))
        raise
    except OSError as error:
        findings = [Finding(Verdict.HARNESS_ERROR, "harness", f"{directory}: {error.strerror or error}")]
    seed = options.seed if options else None
    result = judge(scenario, findings, time.monotonic() - started, directory, seed)
    bench.bus.emit(ScenarioFinished(scenario.name, result.verdict, result.seconds, result.reason))
    return result

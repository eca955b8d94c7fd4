# SPDX-License-Identifier: MIT
"""`orchestrator bench`: what things cost on this machine. Prints medians, and asserts nothing."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from orchestrator.base.alarm import WaitExpired
from orchestrator.base.errors import HarnessError
from orchestrator.base.paths import repository
from orchestrator.base.verdict import ScenarioFailed
from orchestrator.cli.signals import run_async
from orchestrator.runner.bench import make_bench
from orchestrator.runner.run import new_run_directory, run_scenarios
from orchestrator.scenario.context import Context
from orchestrator.scenario.execution import Bench, booted
from orchestrator.scenario.loader import load_suite
from orchestrator.scenario.model import Scenario
from orchestrator.scenario.steps.hotplug import Plug, Unplug
from orchestrator.scenario.steps.power import Resume, Suspend

SUITE = repository() / "suites" / "default.yaml"


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    return run_async(_bench(options))


async def _bench(options: argparse.Namespace) -> int:
    bench = await make_bench(options.guest, options.qemu, options.accel)
    directory = new_run_directory(options.runs)
    print(f"accelerator {bench.accelerator.name}, {os.cpu_count()} processors, medians of {options.repeats}", flush=True)
    try:
        _line("QEMU start to all drivers started", await _boots(bench, directory, options.repeats), 0.3)
        _line("S3 suspend and resume", await _cycles(bench, directory / "s3", options.repeats, _sleep), 0.020)
        _line("unplug and re-plug", await _cycles(bench, directory / "plug", options.repeats, _replug), 0.100)
    except (ScenarioFailed, WaitExpired) as failure:
        raise HarnessError(f"a measurement failed: {failure}", f"Evidence: {directory}") from failure
    if not options.no_suite:
        suite = load_suite(SUITE)
        result = await run_scenarios(bench, suite, suite.scenarios, directory / "suite", os.cpu_count() or 1)
        _line(f"default suite ({len(suite.scenarios)} scenarios, {result.verdict})", [result.seconds], 30)
    return 0


def _line(what: str, seconds: list[float], aim: float) -> None:
    median = statistics.median(seconds)
    shown = f"{median:.2f} s" if median >= 1 else f"{median * 1e3:.1f} ms"
    goal = f"{aim:g} s" if aim >= 0.3 else f"{aim * 1e3:g} ms"
    print(f"{what:<45} {shown:>10}   (aim {goal})", flush=True)


def _scenario(name: str) -> Scenario:
    return Scenario(name, "measurement", "bench", Path(), "testkernel", "buddy", [], journal_detail="events")


async def _boots(bench: Bench, directory: Path, repeats: int) -> list[float]:
    times = []
    for number in range(repeats):
        place = directory / f"boot-{number}"
        place.mkdir(parents=True)
        started = time.monotonic()
        async with booted(bench, _scenario("boot"), place) as context:
            await _ready(context)
            times.append(time.monotonic() - started)
    return times


async def _ready(context: Context) -> None:
    await context.answering(0, "a sync after boot", 20)
    await context.settled()


async def _cycles(bench: Bench, directory: Path, repeats: int, cycle: Callable[[Context], Awaitable[None]]) -> list[float]:
    directory.mkdir(parents=True)
    times = []
    async with booted(bench, _scenario(directory.name), directory) as context:
        await _ready(context)
        for _ in range(repeats):
            started = time.monotonic()
            await cycle(context)
            times.append(time.monotonic() - started)
    return times


async def _sleep(context: Context) -> None:
    await Suspend().run(context)
    await Resume().run(context)


async def _replug(context: Context) -> None:
    await Unplug("buddy0").run(context)
    await Plug("buddy0").run(context)

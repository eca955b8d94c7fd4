# SPDX-License-Identifier: MIT
"""`orchestrator bench`: what things cost on this machine. Prints least, median and most of each, and asserts nothing."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

from orchestrator.base.alarm import WaitExpired
from orchestrator.base.errors import HarnessError
from orchestrator.base.paths import repository
from orchestrator.base.verdict import ScenarioFailed
from orchestrator.cli.signals import run_async
from orchestrator.runner import measure
from orchestrator.runner.bench import make_bench
from orchestrator.runner.directory import new_run_directory
from orchestrator.runner.measure import Measurement
from orchestrator.scenario.execution import Bench
from orchestrator.scenario.loader import load_suite

SUITE = repository() / "suites" / "default.yaml"


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    return run_async(_bench(options))


async def _bench(options: argparse.Namespace) -> int:
    bench = await make_bench(options.guest, options.qemu, options.accel)
    directory = new_run_directory(options.runs, options.keep)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"accelerator {bench.accelerator.name}, {os.cpu_count()} processors, load {load}, {options.repeats} times each")
    print(f"{'':<42} {'least':>10} {'median':>10} {'most':>10}   aim", flush=True)
    done: list[Measurement] = []
    try:
        await _measure(bench, directory, options, done)
    except (ScenarioFailed, WaitExpired) as failure:
        raise HarnessError(f"a measurement failed: {failure}", f"Evidence: {directory}") from failure
    finally:
        (directory / "bench.json").write_text(json.dumps([asdict(each) for each in done], indent=2) + "\n", encoding="utf-8")
    return 0


async def _measure(bench: Bench, directory: Path, options: argparse.Namespace, done: list[Measurement]) -> None:
    def tell(measurement: Measurement) -> None:
        done.append(measurement)
        print(line(measurement), flush=True)

    repeats = options.repeats
    tell(Measurement("QEMU start to all drivers started", "ms", await measure.boots(bench, directory, repeats), 150))
    slept = await measure.cycles(bench, directory / "s3", repeats, measure.sleep_and_wake)
    tell(Measurement("S3 suspend and resume", "ms", slept, 10))
    plugged = await measure.cycles(bench, directory / "plug", repeats, measure.unplug_and_plug)
    tell(Measurement("unplug and re-plug", "ms", plugged, 30))
    rates = await measure.inside(bench, directory, min(repeats, 3))
    tell(Measurement("IRP round trips, stack of two drivers", "/s", rates["irp"]))
    tell(Measurement("interrupts (MSI) with service routine", "/s", rates["interrupt"]))
    if options.no_suite:
        return
    suite = load_suite(SUITE)
    seconds, memory = await measure.smallest_memory(bench, suite, directory, os.cpu_count() or 1)
    if seconds is not None:
        tell(Measurement(f"default suite, {len(suite.scenarios)} scenarios", "s", [seconds], 30))
    if memory is not None:
        tell(Measurement("guest memory with which it passes", "MiB", [memory], 32))


def line(measurement: Measurement) -> str:
    """One line of the table."""
    numbers = [min(measurement.values), measurement.median, max(measurement.values)]
    digits = 0 if measurement.median >= 1000 or measurement.unit == "MiB" else 1
    shown = " ".join(f"{number:>10,.{digits}f}" for number in numbers)
    aim = "" if measurement.aim is None else f"   {measurement.aim:g} {measurement.unit}"
    missed = "  (missed)" if measurement.met is False else ""
    return f"{f'{measurement.what}, {measurement.unit}':<42} {shown}{aim}{missed}"

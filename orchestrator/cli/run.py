# SPDX-License-Identifier: MIT
"""`orchestrator run`: the scenarios of a suite, from the file to the exit code."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from orchestrator.base.errors import BadInput
from orchestrator.cli.machine_options import machine_options
from orchestrator.cli.signals import run_async
from orchestrator.runner.bench import make_bench
from orchestrator.runner.run import new_run_directory, run_scenarios, select
from orchestrator.scenario.loader import load_suite
from orchestrator.scenario.model import Scenario, Suite


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    suite = load_suite(options.suite)
    scenarios = [replace(scenario, packages=(*scenario.packages, *options.driver)) for scenario in select(suite, options.only)]
    if options.list:
        for scenario in scenarios:
            print(f"{scenario.name:<40} {scenario.about}")
        return 0
    jobs = options.jobs if options.jobs is not None else os.cpu_count() or 1
    if jobs < 1:
        raise BadInput(f"--jobs must be at least 1, but is {jobs}")
    if options.gdb is not None and len(scenarios) != 1:
        raise BadInput(f"--gdb needs exactly one scenario, but {len(scenarios)} are chosen", "Choose one with --only NAME.")
    return run_async(_run(options, suite, scenarios, jobs))


async def _run(options: argparse.Namespace, suite: Suite, scenarios: list[Scenario], jobs: int) -> int:
    bench = await make_bench(options.guest, options.qemu, options.accel)
    directory = new_run_directory(options.runs)
    from rich.console import Console

    from orchestrator.report.console import Progress, show
    from orchestrator.report.json_report import write_json
    from orchestrator.report.junit import write_junit

    console = Console()
    console.print(f"{len(scenarios)} scenarios, {jobs} VMs at a time, accelerator {bench.accelerator.name}", highlight=False)
    with Progress(console, len(scenarios), options.verbose) as progress:
        bench.bus.subscribe(progress)
        result = await run_scenarios(
            bench,
            suite,
            scenarios,
            directory,
            jobs,
            machine_options(options),
        )
    write_json(result, directory / "results.json")
    write_junit(result, directory / "junit.xml")
    if options.html:
        from orchestrator.report.html import write_html

        write_html(result, directory / "report.html")
    show(console, result)
    return result.verdict.exit_code

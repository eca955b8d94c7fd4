# SPDX-License-Identifier: MIT
"""`orchestrator run`: the scenarios of a suite, from the file to the exit code."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import replace

from orchestrator.base.errors import BadInput
from orchestrator.base.verdict import Verdict
from orchestrator.cli.machine_options import machine_options, variables
from orchestrator.cli.signals import run_async
from orchestrator.runner.bench import make_bench
from orchestrator.runner.directory import new_run_directory
from orchestrator.runner.result import RunResult
from orchestrator.runner.run import run_scenarios, select
from orchestrator.scenario.loader import load_suite
from orchestrator.scenario.model import Scenario, Suite


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    suite = load_suite(options.suite, variables(options.set))
    words = [word for path in options.driver for word in ("--driver", str(path))]
    words += [word for pair in options.set for word in ("--set", pair)]
    scenarios = [
        replace(scenario, packages=(*scenario.packages, *options.driver), arguments=tuple(words))
        for scenario in select(suite, options.only)
    ]
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
    directory = new_run_directory(options.runs, options.keep)
    from rich.console import Console

    from orchestrator.report.console import Progress, show

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
    unwritten = write_results(result, options.html)
    show(console, result)
    if unwritten:
        print(f"orchestrator: {unwritten}", file=sys.stderr)
        # What the drivers did wrong weighs more than what could not be written down.
        return result.verdict.exit_code or Verdict.HARNESS_ERROR.exit_code
    return result.verdict.exit_code


def write_results(result: RunResult, html: bool) -> str | None:
    """Write results.json, junit.xml and, if asked, report.html; returns why one of them could not be written."""
    from orchestrator.report.html import write_html
    from orchestrator.report.json_report import write_json
    from orchestrator.report.junit import write_junit

    directory = result.directory
    try:
        write_json(result, directory / "results.json")
        write_junit(result, directory / "junit.xml")
        if html:
            write_html(result, directory / "report.html")
    except OSError as error:
        free = shutil.disk_usage(directory).free >> 20
        return f"the results are incomplete: {error.filename or directory}: {error.strerror or error} ({free} MiB are free there)"
    return None

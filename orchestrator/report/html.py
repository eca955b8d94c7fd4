# SPDX-License-Identifier: MIT
"""The HTML report: one file without any reference outside the run directory, with a timeline for each scenario."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from orchestrator.base.verdict import Verdict
from orchestrator.report.console import backtrace, journal_lines, memory
from orchestrator.report.timeline import lanes
from orchestrator.runner.result import RunResult, ScenarioResult


def write_html(run: RunResult, path: Path) -> None:
    """Write the run as HTML. Reads the scenarios' journals."""
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("orchestrator.report", "templates"), autoescape=True, trim_blocks=True)
    scenarios = [_scenario(result) for result in run.scenarios]
    path.write_text(environment.get_template("report.html.j2").render(run=run, scenarios=scenarios), encoding="utf-8")


def _scenario(result: ScenarioResult) -> dict[str, object]:
    rows, milliseconds = lanes(result.directory)
    failed = result.verdict not in (Verdict.PASSED, Verdict.INTERRUPTED)
    seq = result.findings[0].seq if result.findings else None
    evidence = sorted(path.name for path in result.directory.iterdir()) if result.directory.is_dir() else []
    return {
        "result": result,
        "lanes": rows,
        "milliseconds": milliseconds,
        "failed": failed,
        # What a loop does wrong it does hundreds of times.
        "also": Counter(finding.reason for finding in result.findings[1:]),
        "journal": journal_lines(result, seq) if result.findings else [],
        "evidence": evidence,
        "backtrace": backtrace(result),
        "memory": memory(result),
        "tables": _tables(result.directory),
    }


def _tables(directory: Path) -> dict[str, list[str]]:
    """What a guest that stopped told about its threads, locks, devices and IRPs, by heading."""
    try:
        tables = json.loads((directory / "crash.json").read_text(encoding="utf-8"))["details"]["tables"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {str(name): [str(line) for line in lines] for name, lines in tables.items()}

# SPDX-License-Identifier: MIT
"""The run as JSON (results.json), and back: `orchestrator report` prints a run from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.base.errors import BadInput
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.runner.result import RunResult, ScenarioResult

FORMAT = 1


def write_json(run: RunResult, path: Path) -> None:
    """Write the run. Directories of scenarios are relative to the run's."""
    data: dict[str, Any] = {
        "format": FORMAT,
        "suite": run.suite,
        "verdict": run.verdict,
        "exit_code": run.verdict.exit_code,
        "seconds": round(run.seconds, 4),
        "environment": run.environment,
        "scenarios": [
            {
                "name": result.name,
                "about": result.about,
                "verdict": result.verdict,
                "seconds": round(result.seconds, 4),
                "reason": result.reason,
                "findings": [asdict(finding) for finding in result.findings],
                "directory": result.directory.name,
                "repeat": result.repeat,
            }
            for result in run.scenarios
        ],
    }
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_json(directory: Path) -> RunResult:
    """The run in a run directory. Raises BadInput."""
    path = directory / "results.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise BadInput(f"{path} has format {data['format']}, but {FORMAT} is understood")
        scenarios = [
            ScenarioResult(
                each["name"],
                each["about"],
                Verdict(each["verdict"]),
                each["seconds"],
                each["reason"],
                [Finding(**{**finding, "verdict": Verdict(finding["verdict"])}) for finding in each["findings"]],
                directory / each["directory"],
                each["repeat"],
            )
            for each in data["scenarios"]
        ]
        return RunResult(data["suite"], directory, data["seconds"], data["environment"], scenarios)
    except OSError as error:
        raise BadInput(f"{directory} is no run directory: {error.strerror} ({path})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is no result of a run: {error!r}") from error

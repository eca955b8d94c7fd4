# SPDX-License-Identifier: MIT
"""What came of a scenario and of a run."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.base.verdict import Finding, Verdict, worst
from orchestrator.scenario.model import Scenario


@dataclass(frozen=True)
class ScenarioResult:
    """The outcome of one scenario. `reason` is one sentence, None when there is nothing to say."""

    name: str
    about: str
    verdict: Verdict
    seconds: float
    reason: str | None
    findings: Sequence[Finding]
    directory: Path
    repeat: str


@dataclass(frozen=True)
class RunResult:
    """The outcome of a run."""

    suite: str
    directory: Path
    seconds: float
    environment: dict[str, str]
    scenarios: Sequence[ScenarioResult]

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return worst([result.verdict for result in self.scenarios])


def judge(
    scenario: Scenario, findings: Sequence[Finding], seconds: float, directory: Path, seed: int | None = None
) -> ScenarioResult:
    """The result of a scenario with these findings (decisive one first), held against what it expects."""
    first = findings[0] if findings else None
    expected = " or ".join(str(each) for each in scenario.expected)
    if not scenario.expected:
        verdict = first.verdict if first else Verdict.PASSED
        reason = first.reason if first else None
    elif first is None:
        verdict = Verdict.DRIVER_FAILURE
        reason = f"a failure was expected ({expected}), but nothing went wrong: the mistake was not caught"
    elif any(each.fits(first) for each in scenario.expected):
        verdict, reason = Verdict.PASSED, f"caught: {first.reason}"
    else:
        verdict = first.verdict
        reason = f"it failed for another reason than the expected one ({expected}): {first.reason}"
    return ScenarioResult(
        scenario.name, scenario.about, verdict, seconds, reason, findings, directory, repeat_command(scenario, seed)
    )


def repeat_command(scenario: Scenario, seed: int | None = None) -> str:
    """The command that runs just this scenario again."""
    perturbed = [] if seed is None else ["--seed", str(seed)]
    return shlex.join(["orchestrator", "run", str(scenario.file), "--only", scenario.name, *scenario.arguments, *perturbed])

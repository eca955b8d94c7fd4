# SPDX-License-Identifier: MIT
"""What a scenario's outcome is called, and the exit code that stands for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The class of a scenario's outcome."""

    PASSED = "passed"
    DRIVER_FAILURE = "driver failure"
    GUEST_BUGCHECK = "guest bugcheck"
    HANG = "hang"
    HARNESS_ERROR = "harness error"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """The process exit code of a run whose worst verdict this is. 2 is left for wrong usage and bad input."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Verdict.PASSED: 0,
    Verdict.DRIVER_FAILURE: 1,
    Verdict.GUEST_BUGCHECK: 3,
    Verdict.HANG: 4,
    Verdict.HARNESS_ERROR: 5,
    Verdict.INTERRUPTED: 130,
}

EXIT_BAD_INPUT = 2

# The verdict of a whole run is the first of these that any scenario has. What the drivers did wrong comes before
# what the bench did wrong: an exit code of "harness error" means that a retry may help, and then it really may.
_WORST_FIRST = (
    Verdict.INTERRUPTED,
    Verdict.GUEST_BUGCHECK,
    Verdict.HANG,
    Verdict.DRIVER_FAILURE,
    Verdict.HARNESS_ERROR,
    Verdict.PASSED,
)


def worst(verdicts: list[Verdict]) -> Verdict:
    """The verdict of a run with these scenario verdicts; a run of nothing is a harness error, not a pass."""
    return next((v for v in _WORST_FIRST if v in verdicts), Verdict.HARNESS_ERROR)


@dataclass(frozen=True)
class Finding:
    """One thing that went wrong, with its reason in one sentence.

    `name` is what a scenario's `expect: failure` matches: an invariant or violation rule, `bugcheck`, `hang`, a step.
    `seq` is the journal record that shows it. `facts` are further keys that an expectation may name (rule, code, driver).
    """

    verdict: Verdict
    name: str
    reason: str
    seq: int | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class ScenarioFailed(Exception):
    """Ends a scenario with a finding. Raised by steps and checks; the runner turns it into the result."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.reason)
        self.finding = finding

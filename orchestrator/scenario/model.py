# SPDX-License-Identifier: MIT
"""What a scenario is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.base.verdict import Finding, Verdict

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context


class Step(Protocol):
    """One thing that a scenario does, or waits for."""

    @property
    def title(self) -> str:
        """What the step does, as progress shows it."""

    async def run(self, context: Context) -> None:
        """Do it. Raises ScenarioFailed or WaitExpired; every wait inside is guarded."""


@dataclass(frozen=True)
class ExpectedFailure:
    """The one reason for which a scenario with a mutant may, and must, fail."""

    verdict: Verdict
    # What the finding's name, reason (a part of it) and facts must be.
    name: str | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def fits(self, finding: Finding) -> bool:
        """The finding is the expected one."""
        return (
            finding.verdict == self.verdict
            and self.name in (None, finding.name)
            and (self.reason is None or self.reason in finding.reason)
            and all(_is(finding.facts.get(key), value) for key, value in self.facts.items())
        )

    def __str__(self) -> str:
        parts = [str(self.verdict)]
        parts += [f"name {self.name}"] if self.name else []
        parts += [f"{k} {f'0x{v:X}' if k == 'code' else v}" for k, v in self.facts.items()]
        parts += [f"a reason with {self.reason!r}"] if self.reason else []
        return ", ".join(parts)


def _is(have: Any, wanted: Any) -> bool:
    """`wanted` may be a list of values, any of which will do."""
    return have in wanted if isinstance(wanted, list) else have == wanted


@dataclass(frozen=True)
class Scenario:
    """A scenario as its file describes it."""

    name: str
    about: str
    # `file:line` of its definition, and the file, for the command that repeats it.
    place: str
    file: Path
    guest: str
    topology: str
    steps: Sequence[Step]
    first: str | None = None
    # Driver -> what is installed in its place (a mutant).
    replace: Mapping[str, str] = field(default_factory=dict)
    # Driver packages of the user's, beside those of the image: folders or INF files.
    packages: tuple[Path, ...] = ()
    # Values of the suite's variables; its topology may use them too.
    variables: Mapping[str, str] = field(default_factory=dict)
    # What the command line must say besides, to run this scenario again.
    arguments: tuple[str, ...] = ()
    # The driver that exercises its hardware flat out during the whole scenario; None: nobody does.
    exercise: str | None = "borrower"
    journal_detail: str = "full"
    allowed_rules: frozenset[str] = frozenset()
    limit: float = 60.0
    # Failures of which one must happen; empty: none may.
    expected: Sequence[ExpectedFailure] = ()
    # No wait after the boot lasts longer; None: each has its own limit.
    patience: float | None = None


@dataclass(frozen=True)
class Suite:
    """The scenarios of one file."""

    file: Path
    scenarios: Sequence[Scenario]

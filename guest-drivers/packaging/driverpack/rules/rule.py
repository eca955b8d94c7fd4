# SPDX-License-Identifier: MIT
"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from driverpack.inf import Inf

LEARN = "https://learn.microsoft.com/en-us/windows-hardware/drivers/"
# "INF Validation Errors and Warnings": the codes of InfVerif
INFVERIF = "devtest/inf-validation-errors-and-warnings"

Problems = Iterator[tuple[int, str]]  # line number and message
Function = Callable[[Inf], Problems]


@dataclass(frozen=True)
class Rule:
    """A rule: `code` is InfVerif's number, or a name of ours for what the INF reference demands without giving it a number."""

    code: str
    page: str
    function: Function


@dataclass(frozen=True)
class Finding:
    """A line of an INF that breaks a rule."""

    rule: Rule
    inf: str
    line: int
    message: str

    def __str__(self) -> str:
        """As compilers print it, with the page to read."""
        return f"{self.inf}:{self.line}: {self.rule.code}: {self.message} ({self.rule.page})"


RULES: list[Rule] = []


def rule(code: str, page: str = INFVERIF) -> Callable[[Function], Function]:
    """Add a function to the rules; `page` is relative to Microsoft's driver documentation."""

    def add(function: Function) -> Function:
        RULES.append(Rule(code, LEARN + page, function))
        return function

    return add

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verifier's rules (ke/rules.txt): the kernel's table, and the page docs/testkernel-rules.md.

rules.py table RULES NAMES                 -> C table for ke/rules.c; NAMES is ke/bugcodes.c
rules.py page RULES NAMES VIOLATIONS...    -> the page, with the test driver that breaks each rule
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

BASE = "https://learn.microsoft.com/windows-hardware/drivers/"


@dataclass(frozen=True)
class Rule:
    """One line of rules.txt; `sub` is the stop's first parameter, None where it does not matter."""

    code: int
    sub: int | None
    page: str
    words: str
    section: str

    @property
    def key(self) -> str:
        return f"{self.code:X}/{'*' if self.sub is None else format(self.sub, 'X')}"


@dataclass(frozen=True)
class Violation:
    """One line of a *violations*.txt: the driver break_<case>.sys must be stopped so."""

    case: str
    code: int
    sub: int | None
    reason: str


def parse_stop(text: str) -> tuple[int, int | None]:
    """C9/224 -> (0xC9, 0x224); C8/* and C8 -> (0xC8, None)."""
    code, _, sub = text.partition("/")
    return int(code, 16), None if sub in ("", "*") else int(sub, 16)


def read_names(path: Path) -> dict[int, str]:
    """Stop codes and their names, from ke/bugcodes.c."""
    return {int(code, 16): name for code, name in re.findall(r'\{(0x\w+), "(\w+)"\}', path.read_text())}


def code_page(code: int, name: str) -> str:
    """Microsoft's page on a stop code; the dashes are as they are there."""
    dashes = "--" if code < 0x100 or code > 0xFFFF else "-"
    return f"debugger/bug-check-0x{code:x}{dashes}{name.lower().replace('_', '-')}"


def read_rules(path: Path, names: dict[int, str]) -> list[Rule]:
    rules, section = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line.strip():
            stop, page, words = line.split(maxsplit=2)
            code, sub = parse_stop(stop)
            rules.append(Rule(code, sub, code_page(code, names[code]) if page == "." else page, words, section))
    return rules


def read_violations(path: Path) -> list[Violation]:
    violations = []
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            case, stop, reason = line.split(maxsplit=2)
            violations.append(Violation(case, *parse_stop(stop), reason))
    return violations


def breaks(violation: Violation, rule: Rule) -> bool:
    return violation.code == rule.code and (rule.sub is None or rule.sub == violation.sub)


def table(rules: list[Rule]) -> str:
    quote = str.maketrans({'"': r"\"", "\\": r"\\"})
    lines = []
    for rule in rules:
        sub = "RULE_ANY" if rule.sub is None else hex(rule.sub)
        lines.append(f'RULE(0x{rule.code:X}, {sub}, "{rule.page}", "{rule.words.translate(quote)}")')
    return "\n".join(lines) + "\n"


def page(rules: list[Rule], names: dict[int, str], violations: list[Violation]) -> str:
    lines = [
        "# The verifier's rules",
        "",
        "Each rule that stops the [test kernel](testkernel.md), with Microsoft's page, and the drivers of",
        "`images/testkernel/selftest` that break it in `tests/testkernel`. Made from `images/testkernel/ke/rules.txt` by",
        "`make -C images/testkernel rules-page`; do not edit. Sub-codes (the stop's first parameter) of 0xC4 from 0xF0001 on are",
        "the test kernel's own, for rules that Microsoft's page has no number for.",
    ]
    section = ""
    for rule in rules:
        if rule.section != section:
            section = rule.section
            lines += ["", f"## {section}", "", "| stop | rule | broken by |", "|---|---|---|"]
        cases = ", ".join(violation.case for violation in violations if breaks(violation, rule)) or "(tests of its own)"
        stop = f"0x{rule.code:X}" + ("" if rule.sub is None else f"/0x{rule.sub:X}")
        lines.append(f'| [{stop}]({BASE}{rule.page} "{names[rule.code]}") | {rule.words} | {cases} |')
    return "\n".join(lines) + "\n"


def main() -> int:
    command, rules_path, names_path, *others = sys.argv[1:]
    names = read_names(Path(names_path))
    rules = read_rules(Path(rules_path), names)
    if command == "table":
        sys.stdout.write(table(rules))
    else:
        sys.stdout.write(page(rules, names, [v for path in sorted(others) for v in read_violations(Path(path))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

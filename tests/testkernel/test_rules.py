# SPDX-License-Identifier: MIT
"""The list of the verifier's rules is complete: the kernel's sources have no other, and each has a driver that breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import KERNEL_SOURCE, REPOSITORY
from .violations import IRQL, LISTS, NAMES, RULES, TOOL, VIOLATIONS

# Code and sub-code of each call that stops; the sub-code may be a constant, a name, or a choice of two.
STOP = re.compile(r"\b(KeBugCheckReason|IoStop|NewStop|IoStopRule|KeReportDeadlock)\(\s*([^,;{}]+),\s*([^,;{}]+),")
SHORT = re.compile(r"\bSTOP\((0x\w+),")  # 0xC9, in the I/O verifier
DMA = re.compile(r"\bDMA_(?!TAG\b)[A-Z_]+\b")  # 0xE6, in the DMA verifier
NUMBER = re.compile(r"0x[0-9A-Fa-f]+|\d+")
# Sub-codes that are chosen first and passed on.
FORWARDERS = re.compile(r"(?<!define )\bRULE_\w+\b")
# The kernel's own failures, and stops that are asked for: no driver's doing.
NOT_A_DRIVERS = {0x80, 0x31, 0x124}


def constants() -> dict[str, int]:
    """Numbers by name, from the sources and the DDK."""
    names: dict[str, int] = {name: code for code, name in NAMES.items()}
    names["DRIVER_VERIFIER_IOMANAGER_VIOLATION_CODE"] = 0xC9
    for path in KERNEL_SOURCE.glob("*/*.[ch]"):
        for name, value in re.findall(r"#define (\w+)\s+(0x[0-9A-Fa-f]+|\d+)\b", path.read_text()):
            names.setdefault(name, int(value, 0))
    return names


def sources() -> Iterator[Path]:
    return (path for path in sorted(KERNEL_SOURCE.glob("*/*.c")) if path.parent.name != "selftest")


def numbers(expression: str, names: dict[str, int]) -> list[int | None]:
    """The value of a constant, or both of a choice of constants; None for what is no constant."""
    values = [value.strip() for value in re.split(r"[?:]", expression.partition("?")[2] or expression)]
    return [names[value] if value in names else int(value, 0) if NUMBER.fullmatch(value) else None for value in values]


def stops() -> set[tuple[int, int | None]]:
    """(code, sub-code) of all stops in the sources; None where the first parameter is no constant."""
    names = constants()
    found: set[tuple[int | None, int | None]] = set()
    for path in sources():
        text = path.read_text()
        for function, first, second in STOP.findall(text):
            if function == "KeReportDeadlock":
                found.add((0xC4, 0x1001))
            elif function == "IoStopRule":
                found |= {(0xC9, sub) for sub in numbers(first, names)}
            elif function == "NewStop":  # its first argument is the trap frame
                found |= {(code, None) for code in numbers(second, names)}
            else:
                found |= {(code, sub) for code in numbers(first, names) for sub in numbers(second, names)}
        found |= {(0xC9, sub) for value in SHORT.findall(text) for sub in numbers(value, names)}
        if path.match("io/dma*.c"):
            found |= {(0xE6, names[name]) for name in DMA.findall(text) if name in names}
        found |= {(0xC4, sub) for value in FORWARDERS.findall(text) for sub in numbers(value, names)}
    return {(code, sub) for code, sub in found if code is not None}


def irql_stops() -> set[tuple[int, int | None]]:
    """The stops of ke/irql.txt."""
    return {export.stop for export in IRQL.values() if export.checked}


def has_rule(code: int, sub: int | None) -> bool:
    return any(rule.code == code and (rule.sub is None or rule.sub == sub or sub is None) for rule in RULES)


def test_every_stop_in_the_sources_has_a_rule() -> None:
    found = stops() | irql_stops()
    assert len(found) > 100, "the sources were not understood"
    missing = [(code, sub) for code, sub in found if code not in NOT_A_DRIVERS and not has_rule(code, sub)]
    assert not missing, [f"{code:X}/{'*' if sub is None else format(sub, 'X')}" for code, sub in missing]


def test_every_rule_stops_somewhere_in_the_sources() -> None:
    found = stops() | irql_stops()
    # Sub-codes that are chosen before they are passed on.
    chosen = {int(number, 16) for path in sources() for number in re.findall(r"\b0x[0-9A-F]{2,3}\b", path.read_text())}
    missing = [rule for rule in RULES if rule.sub is not None and (rule.code, rule.sub) not in found]
    assert not [rule.key for rule in missing if rule.sub not in chosen]


@pytest.mark.parametrize("rule", RULES, ids=[rule.key for rule in RULES])
def test_every_rule_has_a_driver_that_breaks_it(rule: object) -> None:
    assert any(TOOL.breaks(violation, rule) for violation in VIOLATIONS)


def test_the_page_is_up_to_date() -> None:
    written = (REPOSITORY / "docs" / "testkernel-rules.md").read_text()
    assert written == TOOL.page(RULES, NAMES, VIOLATIONS), "run make -C images/testkernel rules-page"
    assert LISTS

# SPDX-License-Identifier: MIT
"""The IRQL of every call: the table ke/irql.txt has each export, and a driver that breaks a line of it is stopped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from .conftest import Boot, Built
from .violations import IRQL, IRQL_TABLE
from .violations import IRQL_TOOL as TOOL

LOGGED = re.compile(r"(\w+) called at IRQL (\d+) \(allowed: (<= \d+|>= \d+|\d+|\d+ to \d+)\)")


def test_each_export_has_a_line_and_each_line_an_export(built: Built) -> None:
    exports = TOOL.read_exports(built.kernel.parent / "ntoskrnl.def")
    assert not set(exports) - set(IRQL), f"add to {IRQL_TABLE.name} what the pages of these functions say (req.irql)"
    assert not set(IRQL) - set(exports), f"take out of {IRQL_TABLE.name} what is not exported any more"


def test_only_what_may_be_called_at_a_wrong_level_is_bound_to_a_check(built: Built) -> None:
    definition = (built.kernel.parent / "ntoskrnl.def").read_text()
    bound = set(re.findall(r"^    (\w+) = KiChecked_\1$", definition, re.MULTILINE))
    assert bound == {name for name, export in IRQL.items() if export.checked}
    assert len(bound) > 400
    assert not bound & {"IoFileObjectType", "memcpy", "KeGetCurrentIrql", "ExAllocatePoolWithTag"}


def test_a_driver_that_breaks_every_line_is_told_of_each(boot: Callable[..., Boot]) -> None:
    """One boot in which wrong calls are written down instead of stopping (irql-check=log), and not made."""
    done = boot("irqlcalls", until="SELFTEST irqlcalls ", append="irql-check=log")
    assert "SELFTEST irqlcalls PASSED" in done.log, done.log[-2000:]
    expected: Counter[tuple[str, int]] = Counter()
    for export in IRQL.values():
        if export.checked and export.maximum != "high":
            expected[export.called, TOOL.LEVELS[export.maximum] + 1] += 1
        if export.checked and export.minimum != "passive":
            expected[export.called, TOOL.LEVELS[export.minimum] - 1] += 1
    said = Counter((name, int(level)) for name, level, _ in LOGGED.findall(done.log))
    assert said == expected
    assert "IoCreateDevice called at IRQL 2 (allowed: <= 1)" in done.log
    assert "KeAcquireSpinLockAtDpcLevel called at IRQL 1 (allowed: >= 2)" in done.log
    assert "IoStartNextPacket called at IRQL 3 (allowed: 2)" in done.log


def test_without_the_option_the_first_one_stops(boot: Callable[..., Boot]) -> None:
    done = boot("irqlcalls", until="SELFTEST irqlcalls ")
    assert (done.bugcheck["code"], done.bugcheck["parameters"][:2]) == (0xC4, [0xE5, 13])
    assert done.bugcheck["driver"] == "irqlcalls.sys"
    assert done.bugcheck["reason"] == "DbgPrint called at IRQL 13 (allowed: <= 12)"
    # The check has no frame of its own: what called the function is next to the report's own frames.
    assert any(frame.startswith("irqlcalls.sys!") for frame in done.bugcheck["backtrace"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ExUuidCreate passive passive", "PASSIVE_LEVEL"),
        ("KeSetEvent passive dispatch C4/80 depends # with Wait", "<= DISPATCH_LEVEL (by arguments)"),
        ("KeTryToAcquireSpinLockAtDpcLevel dispatch high C4/40", ">= DISPATCH_LEVEL"),
        ("ExReleaseFastMutex apc apc C4/34", "APC_LEVEL"),
        ("KeSynchronizeExecution passive device", "<= DIRQL"),
        ("memcpy any", "any"),
        ("NtBuildNumber data", ""),
    ],
)
def test_a_line_in_the_words_of_microsofts_pages(line: str, words: str) -> None:
    assert TOOL.parse_line(line).words == words


@pytest.mark.parametrize(
    "line", ["ExUuidCreate", "ExUuidCreate passive", "ExUuidCreate dispatch passive", "ExUuidCreate passive apc C4", "X low high"]
)
def test_a_wrong_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"expected|is no stop"):
        TOOL.parse_line(line)

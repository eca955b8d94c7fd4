# SPDX-License-Identifier: MIT
"""What the invariants find in a journal, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrator.base.verdict import Finding, Verdict
from tests.orchestrator.journals import Records, access, trace

Look = Callable[..., list[Finding]]

UP = [
    trace("owner callback-begin dir=up client=1"),
    trace("borrower power-up device=0"),
    trace("owner callback-end dir=up client=1"),
]
DOWN = [
    trace("owner callback-begin dir=down client=1"),
    trace("borrower power-down device=0"),
    trace("owner callback-end dir=down client=1"),
]


def power(before: str, after: str, cause: str = "pmcsr") -> dict[str, str]:
    return {"kind": "power", "from": before, "to": after, "cause": cause}


def violation(rule: str, client: int = 1, ref: int = 0) -> dict[str, object]:
    return {"kind": "violation", "rule": rule, "client": client, "reg": "SCRATCH", "power": "D3hot", "ref": ref}


def names(findings: list[Finding]) -> list[str]:
    return [finding.name for finding in findings]


def test_an_orderly_power_cycle_has_no_findings(findings: Look) -> None:
    records: Records = [*UP, access(), *DOWN, power("D0", "D3hot"), power("D3hot", "D0"), *UP, access(), *DOWN]
    assert findings(records) == []


def test_a_violation_is_a_driver_failure_that_names_rule_and_client(findings: Look) -> None:
    found = findings([*UP, violation("gate-closed")])
    assert names(found) == ["violation"]
    assert found[0].verdict is Verdict.DRIVER_FAILURE
    assert found[0].facts == {"rule": "gate-closed", "client": 1}
    assert found[0].seq == 3
    assert "gate-closed" in found[0].reason and "the borrower" in found[0].reason


def test_a_violation_that_the_scenario_allows_is_no_finding(findings: Look) -> None:
    assert findings([violation("gate-closed")], allowed=frozenset({"gate-closed"})) == []


def test_leaving_d0_without_telling_the_client_is_found(findings: Look) -> None:
    found = findings([*UP, power("D0", "D3hot")])
    assert names(found) == ["callbacks-around-power"]
    assert "nobody told it" in found[0].reason


def test_leaving_d0_while_the_callback_runs_is_found(findings: Look) -> None:
    found = findings([*UP, DOWN[0], power("D0", "D3hot"), *DOWN[1:]])
    assert names(found) == ["callbacks-around-power"]
    assert "had not returned" in found[0].reason


def test_power_up_outside_d0_is_found(findings: Look) -> None:
    found = findings([power("D0", "D3hot"), *UP])
    assert set(names(found)) == {"callbacks-around-power"}


def test_power_lost_by_surprise_needs_no_callback_first(findings: Look) -> None:
    assert findings([*UP, power("D0", "D3cold", "slot"), *DOWN]) == []


def test_an_access_before_power_up_is_found(findings: Look) -> None:
    found = findings([trace("borrower borrowed client=1"), access()])
    assert names(found) == ["borrower-only-with-power"]
    assert found[0].seq == 1


def test_an_access_after_power_down_is_found_even_in_d0(findings: Look) -> None:
    assert names(findings([*UP, access(), *DOWN, access(), access(), trace("kernel ready")])) == ["borrower-only-with-power"]


def test_the_owner_may_touch_its_page_when_the_borrower_may_not(findings: Look) -> None:
    assert findings([*UP, *DOWN, access(client=0)]) == []


def test_the_hardwares_word_on_an_access_stands_alone(findings: Look) -> None:
    found = findings([*UP, *DOWN, access(), violation("gate-closed", ref=6)])
    assert names(found) == ["violation"]


@pytest.mark.parametrize(
    "yank",
    [{"kind": "slot", "event": "yank"}, {"kind": "fault", "name": "link-down", "event": "fire"}],
    ids=["yank", "link-down"],
)
def test_accesses_before_the_drivers_are_told_of_a_surprise_removal_are_excused(findings: Look, yank: dict[str, object]) -> None:
    gone = {"kind": "violation", "rule": "access-after-removal", "client": 1, "reg": "SEM", "power": "D3cold", "ref": 4}
    assert findings([*UP, yank, access(power="D3cold"), gone, *DOWN]) == []


def test_accesses_after_that_are_not_excused(findings: Look) -> None:
    yank = {"kind": "slot", "event": "yank"}
    gone = {"kind": "violation", "rule": "access-after-removal", "client": 1, "reg": "SEM", "power": "D3cold", "ref": 7}
    owner_gone = {**gone, "client": 0}
    assert names(findings([*UP, yank, *DOWN, access(power="D3cold"), gone])) == ["violation"]
    assert findings([*UP, yank, *DOWN, owner_gone]) == []
    assert names(findings([*UP, yank, *DOWN, trace("owner surprise-removal device=0"), owner_gone])) == ["violation"]


def test_a_surprise_removal_excuses_nothing_on_the_next_device(findings: Look) -> None:
    yank, plug = {"kind": "slot", "event": "yank"}, {"kind": "slot", "event": "plug"}
    gone = {"kind": "violation", "rule": "access-after-removal", "client": 1, "reg": "SEM", "power": "D3cold", "ref": 4}
    assert names(findings([*UP, yank, plug, gone])) == ["violation"]


def test_dropped_records_are_the_harness_fault(findings: Look) -> None:
    found = findings([{"kind": "dropped", "count": 7}])
    assert [f.verdict for f in found] == [Verdict.HARNESS_ERROR]
    assert "7" in found[0].reason

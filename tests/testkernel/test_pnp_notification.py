# SPDX-License-Identifier: MIT
"""A driver that watches another one's device: in which order it learns of what happens there, and what it can prevent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .machine import Machine
from .pnpbus import CHILD, PLUG, PULL, REPORT, RULE, VETO_REMOVE, VETOED, Bus

WATCHER = "ROOT\\WATCHER\\0000"
VETO, KEEP = "01000000", "02000000"
RULE_OF_WATCHER = "0x80002000"
ARRIVAL = ["watch arrival", "watch open"]


@pytest.fixture
def watched(machine: Callable[..., Machine]) -> Bus:
    """Child 0 started, and opened by the watcher."""
    running = Bus(machine("pnpbus.sys", "pnpbus.inf", "watcher.sys", "watcher.inf", append="root=ROOT\\PNPBUS,ROOT\\WATCHER"))
    running.tell(PLUG)
    running.machine.wait_console("SEQ watch open")
    assert running.seen() == ["bus add", "bus start", "fdo0 add", "fdo0 start", *ARRIVAL]
    return running


def test_whoever_closes_when_asked_lets_the_device_go(watched: Bus) -> None:
    watched.do("disable", CHILD)
    # The callback is asked before the drivers; the interface goes with REMOVE, in a thread of its own.
    seen = watched.seen()
    assert [event for event in seen if event != "watch removal"] == [
        *["watch query", "fdo0 query-remove", "fdo0 remove", "pdo0 remove", "watch complete"],
    ]
    assert seen.count("watch removal") == 1
    assert seen.index("watch removal") > seen.index("fdo0 remove")
    watched.do("enable", CHILD)
    watched.machine.wait_console("SEQ watch open", 2)
    assert watched.seen() == ["fdo0 add", "fdo0 start", *ARRIVAL]


def test_a_refusal_in_the_callback_is_a_veto_before_any_irp(watched: Bus) -> None:
    watched.do("ioctl", WATCHER, RULE_OF_WATCHER, VETO)
    assert watched.do("disable", CHILD, code=VETOED)["veto"] == {"by": "watcher", "reason": "driver"}
    assert watched.seen() == ["watch query"]


def test_a_handle_that_stays_open_is_a_veto(watched: Bus) -> None:
    watched.do("ioctl", WATCHER, RULE_OF_WATCHER, KEEP)
    assert watched.do("disable", CHILD, code=VETOED)["veto"] == {"by": CHILD, "reason": "outstanding-open"}
    assert watched.seen() == ["watch query", "fdo0 query-remove", "fdo0 cancel-remove", "watch cancelled", "watch open"]


def test_after_a_driver_refused_the_watcher_opens_again(watched: Bus) -> None:
    watched.tell(RULE, 0, VETO_REMOVE)
    for _ in range(2):
        watched.do("disable", CHILD, code=VETOED)
        assert watched.seen() == ["watch query", "fdo0 query-remove", "fdo0 cancel-remove", "watch cancelled", "watch open"]


def test_surprise_removal_is_told_before_remove(watched: Bus) -> None:
    watched.tell(PULL)
    seen = [event for event in watched.seen() if event != "watch removal"]
    # The watcher closes in the callback: only then is it the last handle.
    assert seen == ["fdo0 surprise-removal", "watch complete", "fdo0 remove", "pdo0 delete"]


def test_custom_events(watched: Bus) -> None:
    watched.tell(REPORT)
    assert watched.seen() == ["watch custom"]
    watched.tell(REPORT, value=1, exit_code=1)  # a GUID of the system's own
    assert watched.seen() == []


def test_interfaces_of_before_are_told_at_registration(machine: Callable[..., Machine]) -> None:
    running = Bus(machine("pnpbus.sys", "pnpbus.inf", "watcher.sys", "watcher.inf", append="root=ROOT\\PNPBUS,ROOT\\WATCHER"))
    running.do("disable", WATCHER)
    running.tell(PLUG)
    running.seen()
    running.do("enable", WATCHER)
    running.machine.wait_console("SEQ watch open")
    assert running.seen() == ARRIVAL

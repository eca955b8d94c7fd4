# SPDX-License-Identifier: MIT
"""What a bus and its devices do at the worst moment: each row of the tables is one story, told request by request."""

from __future__ import annotations

import pytest

from .pnpbus import (
    APPEAR,
    ASKS_IN_DPC,
    ASKS_IN_START,
    BUS,
    CHILD,
    FAIL_START,
    FAILED,
    GONE_ADD,
    GONE_QUERY,
    GONE_REMOVE,
    GONE_START,
    NO_RELATIONS,
    NULL_RELATIONS,
    PLUG,
    PULL,
    REFUSED,
    RULE,
    SECOND,
    STATE,
    THE_BUS,
    TWICE,
    VETO_REMOVE,
    VETO_STOP,
    VETOED,
    Bus,
)

ADDED, STARTED, GONE = ["fdo0 add"], ["fdo0 add", "fdo0 start"], ["fdo0 remove", "pdo0 delete"]
SURPRISE = ["fdo0 surprise-removal", *GONE]
REMOVED = ["fdo0 query-remove", "fdo0 remove", "pdo0 remove"]


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        pytest.param(GONE_ADD, [*STARTED, *SURPRISE], id="in AddDevice"),
        pytest.param(
            GONE_ADD | FAIL_START, [*STARTED, "fdo0 remove", "pdo0 remove", "pdo0 delete"], id="in AddDevice, then no start"
        ),
        # It goes because it failed; only then is it known that it is no longer there.
        pytest.param(
            GONE_START | FAILED,
            [*STARTED, *SURPRISE[:2], "pdo0 remove", "pdo0 delete"],
            id="in START, and reports failure at once",
        ),
    ],
)
def test_pulled_out_before_it_works(bus: Bus, rule: int, events: list[str]) -> None:
    bus.tell(RULE, 0, rule)
    bus.tell(PLUG)
    assert bus.seen() == events
    assert CHILD not in bus.machine.devices()
    bus.tell(RULE, 0, 0)
    bus.tell(PLUG)
    assert bus.seen() == STARTED
    assert bus.problem() is None


@pytest.mark.parametrize(
    ("rule", "verb", "code", "events"),
    [
        pytest.param(GONE_REMOVE, "disable", 0, [*REMOVED, "pdo0 delete"], id="in REMOVE"),
        pytest.param(GONE_QUERY, "disable", 0, [*REMOVED, "pdo0 delete"], id="in QUERY_REMOVE"),
        pytest.param(
            GONE_QUERY | VETO_REMOVE,
            "disable",
            VETOED,
            ["fdo0 query-remove", "fdo0 cancel-remove", *SURPRISE],
            id="in a QUERY_REMOVE that fails",
        ),
        pytest.param(
            GONE_QUERY,
            "rebalance",
            0,
            ["fdo0 query-stop", "fdo0 stop", "fdo0 start", *SURPRISE],
            id="between QUERY_STOP and STOP",
        ),
        pytest.param(
            GONE_QUERY | VETO_STOP,
            "rebalance",
            VETOED,
            ["fdo0 query-stop", "fdo0 cancel-stop", *SURPRISE],
            id="in a QUERY_STOP that fails",
        ),
        pytest.param(
            GONE_QUERY | FAIL_START,
            "rebalance",
            REFUSED,
            ["fdo0 query-stop", "fdo0 stop", "fdo0 start", *SURPRISE[:2], "pdo0 remove", "pdo0 delete"],
            id="between QUERY_STOP and STOP, and START fails",
        ),
        pytest.param(GONE_REMOVE, "restart", 0, [*REMOVED, *STARTED, *SURPRISE], id="in the REMOVE of a restart"),
        pytest.param(GONE_REMOVE, "remove", 0, [*REMOVED, "pdo0 delete"], id="while it is uninstalled"),
        pytest.param(GONE_REMOVE, "eject", 0, [*REMOVED, "pdo0 eject", "pdo0 delete"], id="while it is ejected"),
    ],
)
def test_pulled_out_while_it_is_asked(child: Bus, rule: int, verb: str, code: int, events: list[str]) -> None:
    child.tell(RULE, 0, rule)
    child.do(verb, CHILD, code=code)
    assert child.seen() == events
    assert CHILD not in child.machine.devices()
    child.tell(RULE, 0, 0)
    child.tell(PLUG)
    child.do("enable", CHILD)  # a user's wish outlives the device
    assert child.seen() == STARTED


def test_a_disabled_device_stays_disabled_when_it_comes_back(child: Bus) -> None:
    child.do("disable", CHILD)
    for _ in range(2):
        child.tell(PULL)
        child.seen()
        child.tell(PLUG)
        assert child.seen() == []
        assert child.problem() == "CM_PROB_DISABLED"
    child.do("restart", CHILD)
    assert child.seen() == [] and child.problem() == "CM_PROB_DISABLED"
    child.do("enable", CHILD)
    assert child.seen() == STARTED
    child.do("disable", BUS)
    child.do("enable", BUS)
    child.tell(PLUG)
    child.do("disable", CHILD)
    child.seen()
    child.do("remove", CHILD)  # uninstalled, it is as one that was never seen
    assert child.seen() == STARTED


def test_a_device_comes_back_while_its_old_self_has_a_handle(child: Bus) -> None:
    handle = child.do("hold", CHILD)["handle"]
    child.tell(PULL)
    assert child.seen() == ["fdo0 surprise-removal"]
    child.tell(PLUG)  # the same instance ID, a new PDO
    assert child.seen() == [] and child.problem() == "CM_PROB_DUPLICATE_DEVICE"
    child.do("release", str(handle))
    assert child.seen() == [*GONE, *STARTED]
    assert child.problem() is None


def test_a_failed_device_cannot_be_enabled_before_its_last_handle_is_closed(child: Bus) -> None:
    handle = child.do("hold", CHILD)["handle"]
    child.tell(RULE, 0, FAILED)
    child.tell(STATE)
    child.tell(RULE, 0, 0)
    assert child.seen() == ["fdo0 surprise-removal"]
    child.do("enable", CHILD, code=REFUSED)
    assert child.seen() == [] and child.problem() == "CM_PROB_FAILED_POST_START"
    child.do("release", str(handle))
    assert child.seen() == ["fdo0 remove", "pdo0 remove"]
    child.do("enable", CHILD)
    assert child.seen() == STARTED and child.problem() is None


@pytest.mark.parametrize("rule", [NO_RELATIONS, NULL_RELATIONS], ids=["failed", "nothing"])
def test_a_bus_that_does_not_answer_keeps_its_children(child: Bus, rule: int) -> None:
    child.tell(RULE, THE_BUS, rule)
    child.tell(PULL)
    child.tell(APPEAR, 1)
    assert child.seen() == [] and child.problem() is None
    child.tell(RULE, THE_BUS, 0)
    assert sorted(child.seen()) == sorted([*SURPRISE, "fdo1 add", "fdo1 start"])  # what comes and what goes has no order


def test_a_child_that_is_reported_twice_is_one(child: Bus) -> None:
    child.tell(RULE, THE_BUS, TWICE)
    child.tell(PLUG, 1)
    assert child.seen() == ["fdo1 add", "fdo1 start"]
    for number in range(2):
        child.tell(PULL, number)
    assert child.seen() == [*SURPRISE, *(event.replace("0", "1") for event in SURPRISE)]


def test_requests_from_a_dpc_and_from_start(child: Bus) -> None:
    child.tell(RULE, THE_BUS, ASKS_IN_DPC)
    child.tell(RULE, 1, ASKS_IN_START)
    child.tell(PLUG, 1)
    assert child.seen() == ["fdo1 add", "fdo1 start"]
    child.tell(PULL, 1)
    assert child.seen() == ["fdo1 surprise-removal", "fdo1 remove", "pdo1 delete"]
    child.tell(RULE, 0, ASKS_IN_START)
    child.do("rebalance", CHILD)
    assert child.seen() == ["fdo0 query-stop", "fdo0 stop", "fdo0 start"]


def test_a_child_goes_while_its_bus_is_removed_and_another_vetoes(child: Bus) -> None:
    child.tell(PLUG, 1)
    child.tell(RULE, 0, GONE_QUERY)
    child.tell(RULE, 1, VETO_REMOVE)
    child.seen()
    child.do("disable", BUS, code=VETOED)
    assert child.seen() == [
        *["fdo0 query-remove", "fdo1 query-remove", "fdo1 cancel-remove", "fdo0 cancel-remove"],
        *SURPRISE,
    ]
    assert child.problem(SECOND) is None


def test_a_bus_with_ninety_children(bus: Bus) -> None:
    for number in range(90):
        bus.machine.control("ioctl", BUS, APPEAR, f"{number:02x}00000000000000")
    assert len(bus.seen()) == 180
    bus.do("rebalance", BUS)
    events = bus.seen()
    assert [len([event for event in events if event.endswith(f" {kind}")]) for kind in ("query-stop", "stop", "start")] == [
        91
    ] * 3
    assert events.index("bus stop") == 181
    bus.tell(RULE, 89, VETO_REMOVE)
    assert bus.do("disable", BUS, code=VETOED)["veto"]["by"] == "SELFTEST\\CHILD\\89"
    events = bus.seen()
    assert len(events) == 180 and events[90:] == [event.replace("query", "cancel") for event in reversed(events[:90])]
    bus.tell(RULE, 89, 0)
    bus.do("disable", BUS)
    events = bus.seen()
    assert len(events) == 90 + 1 + 2 * 90 + 1 + 1 and events[-2:] == ["bus remove", "unload"]

# SPDX-License-Identifier: MIT
"""What drivers and buses ask of the PnP manager: rebalance, relations, device state, hardware profiles."""

from __future__ import annotations

import pytest

from .pnpbus import (
    APPEAR,
    BUS,
    CHANGED,
    CHANGED_STOP,
    CHILD,
    CONFLICT,
    DISABLED,
    DOCK,
    EJECT,
    FAIL_START,
    FAILED,
    FILTER,
    GONE_STOP,
    HIDDEN,
    NOT_DISABLEABLE,
    ON_EJECT,
    PLUG,
    PULL,
    REFUSED,
    RELATE,
    REMOVED,
    RULE,
    SECOND,
    STATE,
    THE_BUS,
    VETO_PROFILE,
    VETO_REMOVE,
    VETO_STOP,
    VETOED,
    Bus,
)

QUERY_STOPS = ["fdo0 query-stop", "fdo1 query-stop", "bus query-stop"]
STOPS = ["fdo0 stop", "fdo1 stop", "bus stop"]


@pytest.fixture
def family(child: Bus) -> Bus:
    """The test bus with children 0 and 1 started."""
    child.tell(PLUG, 1)
    assert child.seen() == ["fdo1 add", "fdo1 start"]
    return child


# Rebalance


def test_a_bus_is_stopped_after_its_children_and_started_before_them(family: Bus) -> None:
    family.do("rebalance", BUS)
    assert family.seen() == [*QUERY_STOPS, *STOPS, "bus start", "fdo0 start", "fdo1 start"]
    assert family.problem(BUS) is family.problem(CHILD) is family.problem(SECOND) is None


def test_a_disabled_child_is_left_alone(family: Bus) -> None:
    family.do("disable", SECOND)
    family.seen()
    family.do("rebalance", BUS)
    assert family.seen() == ["fdo0 query-stop", "bus query-stop", "fdo0 stop", "bus stop", "bus start", "fdo0 start"]
    assert family.problem(SECOND) == "CM_PROB_DISABLED"


def test_the_bus_is_read_again_after_a_rebalance(child: Bus) -> None:
    child.machine.control("ioctl", BUS, APPEAR, "0200000000000000")
    child.do("rebalance", BUS)
    assert child.seen() == [
        *["fdo0 query-stop", "bus query-stop", "fdo0 stop", "bus stop", "bus start", "fdo0 start"],
        *["fdo2 add", "fdo2 start"],
    ]


@pytest.mark.parametrize("refuses", [0, 1, THE_BUS])
def test_a_veto_anywhere_cancels_for_all_who_were_asked(family: Bus, refuses: int) -> None:
    family.tell(RULE, refuses, VETO_STOP)
    veto = family.do("rebalance", BUS, code=VETOED)["veto"]
    asked = QUERY_STOPS[: min(refuses, 2) + 1]
    assert family.seen() == asked + [event.replace("query", "cancel") for event in reversed(asked)]
    assert veto == {"by": {0: CHILD, 1: SECOND, THE_BUS: BUS}[refuses], "reason": "device"}
    family.tell(RULE, refuses, 0)
    family.do("rebalance", BUS)
    assert family.seen() == [*QUERY_STOPS, *STOPS, "bus start", "fdo0 start", "fdo1 start"]


def test_a_child_that_does_not_start_again_goes_alone(family: Bus) -> None:
    family.tell(RULE, 0, FAIL_START)
    family.do("rebalance", BUS)
    gone = ["fdo0 surprise-removal", "fdo0 remove", "pdo0 remove"]
    assert family.seen() == [*QUERY_STOPS, *STOPS, "bus start", "fdo0 start", *gone, "fdo1 start"]
    assert (family.problem(CHILD), family.problem(SECOND)) == ("CM_PROB_FAILED_START", None)


def test_a_bus_that_does_not_start_again_takes_its_children_along(family: Bus) -> None:
    family.tell(RULE, THE_BUS, FAIL_START)
    family.do("rebalance", BUS, code=REFUSED)
    assert family.seen() == [
        *[*QUERY_STOPS, *STOPS, "bus start"],
        *["fdo0 surprise-removal", "fdo1 surprise-removal", "bus surprise-removal"],
        *["fdo0 remove", "pdo0 remove", "fdo1 remove", "pdo1 remove", "bus remove", "unload"],
    ]
    assert family.problem(BUS) == "CM_PROB_FAILED_START"
    assert CHILD not in family.machine.devices()


def test_requirements_are_filtered_at_each_start(bus: Bus) -> None:
    bus.tell(RULE, 0, FILTER)
    bus.tell(PLUG)
    bus.do("rebalance", CHILD)
    assert bus.seen() == ["fdo0 add", "fdo0 filter", "fdo0 start", "fdo0 query-stop", "fdo0 filter", "fdo0 stop", "fdo0 start"]


def test_resources_that_nobody_has(bus: Bus) -> None:
    bus.tell(RULE, 0, CONFLICT)
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 filter", "fdo0 remove", "pdo0 remove"]
    assert bus.problem() == "CM_PROB_NORMAL_CONFLICT"


def test_a_rebalance_that_finds_no_resources_is_called_off(family: Bus) -> None:
    family.tell(RULE, 0, CONFLICT)
    family.do("rebalance", BUS, code=REFUSED)
    cancelled = [event.replace("query", "cancel") for event in reversed(QUERY_STOPS)]
    assert family.seen() == [*QUERY_STOPS, "fdo0 filter", *cancelled]
    assert family.problem() is None


@pytest.mark.parametrize("rule", [CHANGED, CHANGED | FAILED])
def test_changed_requirements_are_a_rebalance(child: Bus, rule: int) -> None:
    child.tell(RULE, 0, rule | FILTER)
    child.tell(STATE)
    seen = child.seen()
    assert seen[:4] == ["fdo0 query-stop", "fdo0 filter", "fdo0 stop", "fdo0 start"]
    # One that still reports a failure is removed then.
    assert seen[4:] == (["fdo0 surprise-removal", "fdo0 remove", "pdo0 remove"] if rule & FAILED else [])


def test_query_stop_may_succeed_with_changed_requirements(child: Bus) -> None:
    child.tell(RULE, 0, CHANGED_STOP | FILTER)
    child.do("rebalance", CHILD)
    assert child.seen() == ["fdo0 query-stop", "fdo0 filter", "fdo0 stop", "fdo0 start"]


def test_a_child_is_pulled_out_while_its_bus_is_rebalanced(family: Bus) -> None:
    family.tell(RULE, 0, GONE_STOP)
    family.do("rebalance", BUS)
    gone = ["fdo0 surprise-removal", "fdo0 remove", "pdo0 delete"]
    assert family.seen() == [*QUERY_STOPS, *STOPS, "bus start", "fdo0 start", "fdo1 start", *gone]
    assert family.problem(SECOND) is None


# Relations


def test_removal_relations_go_along(family: Bus) -> None:
    family.tell(RELATE, 0, 1)
    family.do("disable", CHILD)
    assert family.seen() == [
        *["fdo0 query-remove", "fdo1 query-remove"],
        *["fdo0 remove", "pdo0 remove", "fdo1 remove", "pdo1 remove"],
        *["fdo1 add", "fdo1 start"],  # when its bus was read again, which `seen` asks for
    ]
    assert (family.problem(CHILD), family.problem(SECOND)) == ("CM_PROB_DISABLED", None)


def test_a_veto_of_a_removal_relation_cancels_all(family: Bus) -> None:
    family.tell(RELATE, 0, 1)
    family.tell(RULE, 1, VETO_REMOVE)
    assert family.do("disable", CHILD, code=VETOED)["veto"] == {"by": SECOND, "reason": "device"}
    assert family.seen() == ["fdo0 query-remove", "fdo1 query-remove", "fdo1 cancel-remove", "fdo0 cancel-remove"]


def test_ejection_relations_go_along_only_when_ejected(family: Bus) -> None:
    family.tell(RELATE, 0, 1 | ON_EJECT)
    family.do("restart", CHILD)
    assert family.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove", "fdo0 add", "fdo0 start"]
    family.tell(EJECT)
    assert family.seen() == [
        *["fdo0 query-remove", "fdo1 query-remove"],
        *["fdo0 remove", "pdo0 remove", "fdo1 remove", "pdo1 remove", "pdo0 eject", "pdo0 delete"],
        *["fdo1 add", "fdo1 start"],  # its own bus still has it
    ]


@pytest.mark.parametrize(("rule", "end"), [(0, "gone"), (VETO_REMOVE, "vetoed")])
def test_an_eject_may_tell_how_it_ended(child: Bus, rule: int, end: str) -> None:
    child.tell(RULE, 0, rule)
    child.tell(EJECT, 0, 1)
    assert child.seen()[-1] == f"bus ejected {end}"


# IoInvalidateDeviceState


def test_a_bus_that_fails_takes_its_children_along(family: Bus) -> None:
    family.tell(RULE, THE_BUS, FAILED)
    family.tell(STATE, THE_BUS)
    assert family.seen() == [
        *["fdo0 surprise-removal", "fdo1 surprise-removal", "bus surprise-removal"],
        *["fdo0 remove", "pdo0 remove", "fdo1 remove", "pdo1 remove", "bus remove", "unload"],
    ]
    assert family.problem(BUS) == "CM_PROB_FAILED_POST_START"


@pytest.mark.parametrize(("rule", "problem"), [(REMOVED, "CM_PROB_WILL_BE_REMOVED"), (DISABLED, "CM_PROB_HARDWARE_DISABLED")])
def test_device_states_and_their_problems(child: Bus, rule: int, problem: str) -> None:
    child.tell(RULE, 0, rule)
    child.tell(STATE)
    assert child.seen() == ["fdo0 surprise-removal", "fdo0 remove", "pdo0 remove"]
    assert child.problem() == problem


def test_a_failed_device_waits_for_its_last_handle(family: Bus) -> None:
    handle = family.do("hold", CHILD)["handle"]
    family.tell(RULE, THE_BUS, FAILED)
    family.machine.control("ioctl", BUS, STATE, f"{THE_BUS:02x}00000000000000")
    family.machine.wait_console("SEQ bus surprise-removal")
    assert family.seen() == [
        *["fdo0 surprise-removal", "fdo1 surprise-removal", "bus surprise-removal"],
        *["fdo1 remove", "pdo1 remove"],
    ]
    family.do("release", str(handle))
    assert family.seen() == ["fdo0 remove", "pdo0 remove", "bus remove", "unload"]


def test_not_disableable(family: Bus) -> None:
    family.tell(RULE, 0, NOT_DISABLEABLE)
    family.tell(STATE)
    for instance in (CHILD, BUS):  # "here or below"
        assert family.do("disable", instance, code=VETOED)["veto"] == {"by": CHILD, "reason": "non-disableable"}
    assert family.seen() == []
    family.tell(RULE, 0, 0)
    family.tell(STATE)
    family.do("disable", CHILD)


def test_hidden_devices_go_on_working(child: Bus) -> None:
    assert child.machine.devices()[CHILD]["hidden"] is False
    child.tell(RULE, 0, HIDDEN)
    child.tell(STATE)
    assert child.machine.devices()[CHILD]["hidden"] is True
    assert child.problem() is None and child.seen() == []


# Docking stations and hardware profiles

ASKED = ["profile0 query", "profile1 query"]
DONE = ["profile0 complete", "profile1 complete"]
CANCELLED = ["profile0 cancelled", "profile1 cancelled"]


@pytest.fixture
def docked(bus: Bus) -> Bus:
    bus.tell(RULE, 0, DOCK)
    bus.tell(PLUG)
    assert bus.seen() == [*ASKED, "fdo0 add", "fdo0 start", *DONE]
    return bus


def test_undocking(docked: Bus) -> None:
    docked.do("undock")
    assert docked.seen() == [*ASKED, "fdo0 query-remove", "fdo0 remove", "pdo0 remove", "pdo0 eject", "pdo0 delete", *DONE]
    docked.do("undock", code=3)


def test_a_driver_refuses_the_new_profile(docked: Bus) -> None:
    docked.tell(RULE, THE_BUS, VETO_PROFILE)
    assert docked.do("undock", code=VETOED)["veto"] == {"by": "pnpbus", "reason": "driver"}
    assert docked.seen() == ["profile0 query", "profile1 refused", "profile0 cancelled"]


def test_the_dock_refuses_to_go(docked: Bus) -> None:
    docked.tell(RULE, 0, DOCK | VETO_REMOVE)
    docked.do("undock", code=VETOED)
    assert docked.seen() == [*ASKED, "fdo0 query-remove", "fdo0 cancel-remove", *CANCELLED]


def test_a_dock_whose_arrival_is_refused(bus: Bus) -> None:
    bus.tell(RULE, THE_BUS, VETO_PROFILE)
    bus.tell(RULE, 0, DOCK)
    bus.tell(PLUG)
    assert bus.seen() == ["profile0 query", "profile1 refused", "profile0 cancelled"]
    assert bus.problem() == "CM_PROB_HELD_FOR_EJECT"
    bus.tell(PULL)
    assert CHILD not in bus.machine.devices()


def test_a_dock_that_does_not_start(bus: Bus) -> None:
    bus.tell(RULE, 0, DOCK | FAIL_START)
    bus.tell(PLUG)
    assert bus.seen() == [*ASKED, "fdo0 add", "fdo0 start", "fdo0 remove", "pdo0 remove", *CANCELLED]

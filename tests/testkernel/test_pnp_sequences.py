# SPDX-License-Identifier: MIT
"""The PnP manager's sequences, as a bus driver and its children see them: Device Fundamentals' tests, one request at a time."""

from __future__ import annotations

from .pnpbus import (
    BUS,
    CHILD,
    EJECT,
    FAIL_ADD,
    FAIL_START,
    FAILED,
    GONE_START,
    GONE_STOP,
    PLUG,
    PULL,
    REFUSED,
    RULE,
    STATE,
    VETO_REMOVE,
    VETO_STOP,
    VETOED,
    Bus,
)


def test_disable_and_enable(child: Bus) -> None:
    for _ in range(3):
        child.do("disable", CHILD)
        assert child.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove"]
        assert child.problem() == "CM_PROB_DISABLED"
        child.do("enable", CHILD)
        assert child.seen() == ["fdo0 add", "fdo0 start"]
        assert child.problem() is None


def test_a_bus_goes_after_its_children_and_is_unloaded(child: Bus) -> None:
    child.tell(PLUG, 1)
    child.seen()
    child.do("disable", BUS)
    assert child.seen() == [
        *["fdo0 query-remove", "fdo1 query-remove", "bus query-remove"],
        *["fdo0 remove", "pdo0 remove", "fdo1 remove", "pdo1 remove", "bus remove", "unload"],
    ]
    child.do("enable", BUS)
    assert child.seen() == ["bus add", "bus start"]


def test_a_veto_cancels_for_all_who_were_asked(child: Bus) -> None:
    child.tell(PLUG, 1)
    child.tell(RULE, 1, VETO_REMOVE)
    child.seen()
    answer = child.do("disable", BUS, code=VETOED)
    assert answer["veto"] == {"by": "SELFTEST\\CHILD\\1", "reason": "device"}  # PNP_VetoDevice: its IRP was failed
    assert child.seen() == ["fdo0 query-remove", "fdo1 query-remove", "fdo1 cancel-remove", "fdo0 cancel-remove"]
    assert child.problem() is None and child.problem("SELFTEST\\CHILD\\1") is None
    child.tell(RULE, 1, 0)
    child.do("disable", BUS)


def test_an_open_handle_vetoes_until_it_is_closed(child: Bus) -> None:
    handle = child.do("hold", CHILD)["handle"]
    answer = child.do("disable", CHILD, code=VETOED)
    assert answer["veto"] == {"by": CHILD, "reason": "outstanding-open"}
    assert child.seen() == ["fdo0 query-remove", "fdo0 cancel-remove"]
    child.do("release", str(handle))
    child.do("disable", CHILD)
    assert child.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove"]


def test_surprise_removal_and_plug_again(child: Bus) -> None:
    for _ in range(3):
        child.tell(PULL)
        assert child.seen() == ["fdo0 surprise-removal", "fdo0 remove", "pdo0 delete"]
        child.tell(PLUG)
        assert child.seen() == ["fdo0 add", "fdo0 start"]


def test_after_surprise_removal_remove_waits_for_the_last_close(child: Bus) -> None:
    first, second = (child.do("hold", CHILD)["handle"] for _ in range(2))
    child.tell(PULL)
    assert child.seen() == ["fdo0 surprise-removal"]
    assert CHILD not in child.machine.devices()
    child.do("release", str(first))
    assert child.seen() == []
    child.do("release", str(second))
    assert child.seen() == ["fdo0 remove", "pdo0 delete"]


def test_eject(child: Bus) -> None:
    child.tell(EJECT)
    assert child.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove", "pdo0 eject", "pdo0 delete"]
    assert CHILD not in child.machine.devices()


def test_a_vetoed_eject_leaves_the_device_working(child: Bus) -> None:
    child.tell(RULE, 0, VETO_REMOVE)
    child.tell(EJECT)
    assert child.seen() == ["fdo0 query-remove", "fdo0 cancel-remove"]
    assert child.problem() is None


def test_a_failed_start_is_torn_down_and_can_be_tried_again(bus: Bus) -> None:
    bus.tell(RULE, 0, FAIL_START)
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 start", "fdo0 remove", "pdo0 remove"]
    assert bus.problem() == "CM_PROB_FAILED_START"
    bus.tell(RULE, 0, 0)
    bus.do("enable", CHILD)
    assert bus.seen() == ["fdo0 add", "fdo0 start"]
    assert bus.problem() is None


def test_a_device_that_failed_to_start_can_be_pulled_out(bus: Bus) -> None:
    bus.tell(RULE, 0, FAIL_START)
    bus.tell(PLUG)
    bus.seen()
    bus.tell(PULL)
    assert bus.seen() == ["pdo0 delete"]


def test_a_failed_add_device(bus: Bus) -> None:
    bus.tell(RULE, 0, FAIL_ADD)
    bus.tell(PLUG)
    assert bus.seen() == []
    assert bus.problem() == "CM_PROB_FAILED_ADD"


def test_a_device_that_reports_failure_is_removed_as_by_surprise(child: Bus) -> None:
    child.tell(RULE, 0, FAILED)
    child.tell(STATE)
    assert child.seen() == ["fdo0 surprise-removal", "fdo0 remove", "pdo0 remove"]
    assert child.problem() == "CM_PROB_FAILED_POST_START"


def test_rebalance(child: Bus) -> None:
    for _ in range(3):
        child.do("rebalance", CHILD)
        assert child.seen() == ["fdo0 query-stop", "fdo0 stop", "fdo0 start"]
    assert child.problem() is None


def test_a_vetoed_rebalance(child: Bus) -> None:
    child.tell(RULE, 0, VETO_STOP)
    child.do("rebalance", CHILD, code=VETOED)
    assert child.seen() == ["fdo0 query-stop", "fdo0 cancel-stop"]
    assert child.problem() is None


def test_a_device_that_does_not_start_after_a_rebalance(child: Bus) -> None:
    child.tell(RULE, 0, FAIL_START)
    child.do("rebalance", CHILD, code=REFUSED)
    events = ["fdo0 query-stop", "fdo0 stop", "fdo0 start", "fdo0 surprise-removal", "fdo0 remove", "pdo0 remove"]
    assert child.seen() == events
    assert child.problem() == "CM_PROB_FAILED_START"


def test_pulled_out_during_its_own_start(bus: Bus) -> None:
    bus.tell(RULE, 0, GONE_START)
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 start", "fdo0 surprise-removal", "fdo0 remove", "pdo0 delete"]
    bus.tell(RULE, 0, 0)
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 start"]


def test_pulled_out_during_a_start_that_fails(bus: Bus) -> None:
    bus.tell(RULE, 0, GONE_START | FAIL_START)
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 start", "fdo0 remove", "pdo0 remove", "pdo0 delete"]


def test_pulled_out_during_its_own_stop(child: Bus) -> None:
    child.tell(RULE, 0, GONE_STOP)
    child.do("rebalance", CHILD)
    events = ["fdo0 query-stop", "fdo0 stop", "fdo0 start", "fdo0 surprise-removal", "fdo0 remove", "pdo0 delete"]
    assert child.seen() == events


def test_restart_and_remove(child: Bus) -> None:
    child.do("restart", CHILD)
    assert child.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove", "fdo0 add", "fdo0 start"]
    child.do("remove", CHILD)
    # `seen` scans for hardware changes: the bus still has the device, so it is installed anew.
    assert child.seen() == ["fdo0 query-remove", "fdo0 remove", "pdo0 remove", "fdo0 add", "fdo0 start"]
    assert child.problem() is None

# SPDX-License-Identifier: MIT
"""Filter drivers of a device and of its class: who is in the stack, in which order, and what happens when one is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .machine import Machine
from .pnpbus import CHILD, PLUG, PULL, Bus

ORDER = ["lower", "lowest", "classlower", "function", "upper", "classupper"]  # from the PDO up


def events(machine: Machine) -> list[str]:
    return [event.strip() for event in re.findall(r"SEQ (.*)", machine.log)]


def test_filters_stand_in_windows_order(machine: Callable[..., Machine]) -> None:
    running = machine("filter.sys", "filters.inf", append="root=ROOT\\FILTERED")
    starts = [f"{name} start" for name in reversed(ORDER)]
    assert events(running) == [f"{name} add" for name in ORDER] + starts
    assert running.control("disable", "ROOT\\FILTERED\\0000")[0] == 0
    assert events(running)[2 * len(ORDER) :] == [
        f"{name} {event}" for event in ("query-remove", "remove") for name in reversed(ORDER)
    ]


def test_a_missing_filter_keeps_the_device_from_starting(machine: Callable[..., Machine]) -> None:
    running = machine("filter.sys", "filters.inf", append="root=ROOT\\UNFILTERED")
    device = running.device("ROOT\\UNFILTERED")
    assert device is not None and not device["started"]
    assert device["problem_name"] == "CM_PROB_DRIVER_SERVICE_KEY_INVALID"
    # The function driver had been added: it is told to go.
    assert events(running) == ["function add", "function remove"]


def test_a_bus_filter_stays_until_the_pdo_is_deleted(machine: Callable[..., Machine]) -> None:
    bus = Bus(machine("pnpbus.sys", "busfilter.sys", "busfilter.inf", append="root=ROOT\\PNPBUS"))
    bus.seen()
    bus.tell(PLUG)
    assert bus.seen() == ["busfilter attach", "fdo0 add", "fdo0 start"]
    bus.do("disable", CHILD)
    bus.do("enable", CHILD)
    assert "busfilter detach" not in bus.seen()
    bus.tell(PULL)
    assert bus.seen().count("busfilter detach") == 1
    bus.tell(PLUG)
    assert bus.seen()[0] == "busfilter attach", "the filter finds the new child too"


@pytest.mark.parametrize("place", ORDER)
@pytest.mark.parametrize("wrong", ["failadd", "failstart", "vetoremove", "vetostop"])
def test_one_of_six_drivers_refuses(machine: Callable[..., Machine], tmp_path: Path, place: str, wrong: str) -> None:
    """Whichever of the stack it is: who has been added is removed, who was asked and who was not is told of the cancellation."""
    inf = tmp_path / "refusing.inf"
    text = (Path(__file__).parent / "drivers" / "filters.inf").read_text()
    inf.write_text(re.sub(rf"\b{place}\b(?!filters)", wrong, text))
    stack = [wrong if name == place else name for name in ORDER]
    running = machine("filter.sys", str(inf), append="root=ROOT\\FILTERED")
    device = running.device("ROOT\\FILTERED")
    assert device is not None
    at, top_down = stack.index(wrong), stack[::-1]
    if wrong == "failadd":
        assert device["problem_name"] == "CM_PROB_FAILED_ADD"
        assert events(running) == [f"{name} add" for name in stack[:at]] + [f"{name} remove" for name in stack[:at][::-1]]
        return
    started = [f"{name} add" for name in stack] + [f"{name} start" for name in top_down]
    if wrong == "failstart":
        assert device["problem_name"] == "CM_PROB_FAILED_START"
        assert events(running) == started + [f"{name} remove" for name in top_down]
        return
    verb, what = ("disable", "remove") if wrong == "vetoremove" else ("rebalance", "stop")
    assert device["started"] and events(running) == started
    assert running.control(verb, "ROOT\\FILTERED\\0000")[0] == 4
    asked = [f"{name} query-{what}" for name in top_down[: len(ORDER) - at]]
    assert events(running) == started + asked + [f"{name} cancel-{what}" for name in top_down]
    assert running.devices()["ROOT\\FILTERED\\0000"]["problem"] == 0

# SPDX-License-Identifier: MIT
"""Filter drivers of a device and of its class: who is in the stack, in which order, and what happens when one is missing."""

from __future__ import annotations

import re
from collections.abc import Callable

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
    assert events(running)[2 * len(ORDER) :] == [f"{name} remove" for name in reversed(ORDER)]


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

# SPDX-License-Identifier: MIT
"""Properties of devices and interfaces by key, and the containers that devices belong to."""

from __future__ import annotations

from collections.abc import Callable

from .machine import Machine
from .pnpbus import BUS, CHILD, PLUG, SECOND, Bus

THIRD, FOURTH = "SELFTEST\\CHILD\\2", "SELFTEST\\CHILD\\3"
PASSED = "SELFTEST property PASSED"
COMPUTER = "{00000000-0000-0000-ffff-ffffffffffff}"


def test_properties_as_a_driver_uses_them(machine: Callable[..., Machine]) -> None:
    running = machine("property.sys", "property.inf", append="root=ROOT\\PROPERTY")
    running.wait_console(PASSED)
    # What is stored outlives the driver; uninstalled, all is new.
    for verb in (["restart"], ["disable"], ["enable"], ["remove"]):
        assert running.control(*verb, "ROOT\\PROPERTY\\0000")[0] == 0
    assert running.control("add", "ROOT\\PROPERTY")[0] == 0
    running.wait_console(PASSED, 4)
    assert "SELFTEST FAIL" not in running.log


def test_what_the_bus_says_at_enumeration_is_known_to_the_function_driver(bus: Bus) -> None:
    for child in range(4):
        bus.tell(PLUG, child)
    assert bus.seen() == [f"fdo{child} {event}" for child in range(4) for event in ("add", "start")]


def test_containers(bus: Bus) -> None:
    for child in range(4):
        bus.tell(PLUG, child)
    devices = bus.machine.devices()
    container = {instance: devices[instance]["container"] for instance in (BUS, CHILD, SECOND, THIRD, FOURTH)}
    assert container[CHILD] == container[SECOND] == "{6f4b0d31-5a5c-4e0b-9e6b-b0dd000000aa}"  # what the bus reports
    assert container[BUS] == container[FOURTH] == COMPUTER  # not removable: its parent's
    assert container[THIRD] not in (COMPUTER, container[CHILD]) and container[THIRD][15] == "5"  # removable: one of its own

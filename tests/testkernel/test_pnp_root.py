# SPDX-License-Identifier: MIT
"""Root-enumerated devices: uninstalled they are gone for good, until somebody adds them again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Built
from .machine import Machine
from .pnpbus import BUS, CHILD, PLUG, SECOND, VETO_REMOVE, VETOED, Bus
from .pnpbus import RULE as SET_RULE

ONE, TWO = "ROOT\\VERSIONED\\0000", "ROOT\\VERSIONED\\0001"


@pytest.fixture
def start(machine: Callable[..., Machine], built: Built, tmp_path: Path) -> Callable[[int], Machine]:
    """A driver with so many root-enumerated devices."""
    shutil.copy(built.drivers / "version1.sys", tmp_path / "versioned.sys")
    return lambda count: machine(
        str(tmp_path / "versioned.sys"), "versioned.inf", append="root=" + ",".join(["ROOT\\VERSIONED"] * count)
    )


def all_devices(machine: Machine) -> set[str]:
    """Phantoms too."""
    code, answer = machine.control("devices", "--all")
    assert code == 0
    return {device["instance"].upper() for device in answer["devices"]}


def test_an_uninstalled_root_device_does_not_come_back(start: Callable[[int], Machine]) -> None:
    running = start(1)
    assert running.control("remove", ONE) == (0, {"instance": ONE, "problem": 0})
    running.wait_console("driver versioned unloaded")  # its last device is gone
    assert running.control("rescan")[0] == 0
    assert ONE not in all_devices(running)
    assert running.control("restart", ONE)[0] == running.control("enable", ONE)[0] == 3  # no such device
    for _ in range(2):
        assert running.control("add", "ROOT\\VERSIONED") == (0, {"instance": ONE})  # the number is free again
        assert running.devices()[ONE]["started"]
        assert running.control("remove", ONE)[0] == 0


def test_only_that_device_goes_and_its_number_is_the_next(start: Callable[[int], Machine]) -> None:
    running = start(2)
    assert running.control("remove", ONE)[0] == 0
    assert running.control("rescan")[0] == 0
    assert TWO in all_devices(running) and ONE not in all_devices(running)
    assert running.devices()[TWO]["started"]
    assert running.control("add", "ROOT\\VERSIONED") == (0, {"instance": ONE})
    assert running.control("add", "ROOT\\VERSIONED")[1] == {"instance": "ROOT\\VERSIONED\\0002"}


def test_a_disabled_root_device_is_uninstalled_too(start: Callable[[int], Machine]) -> None:
    running = start(1)
    assert running.control("disable", ONE)[0] == running.control("remove", ONE)[0] == 0
    assert running.control("rescan")[0] == 0 and ONE not in all_devices(running)
    assert running.control("add", "ROOT\\VERSIONED")[0] == 0
    assert running.devices()[ONE]["started"]  # the new one was never disabled


def test_a_veto_keeps_it(bus: Bus) -> None:
    handle = bus.do("hold", BUS)["handle"]
    bus.do("remove", BUS, code=VETOED)
    assert bus.machine.devices()[BUS]["started"]
    bus.do("release", str(handle))
    bus.do("remove", BUS)


def test_a_bus_goes_with_its_children(bus: Bus) -> None:
    bus.tell(PLUG, 0)
    bus.tell(PLUG, 1)
    bus.tell(SET_RULE, 1, VETO_REMOVE)
    bus.do("remove", BUS, code=VETOED)
    bus.tell(SET_RULE, 1, 0)
    assert {BUS, CHILD, SECOND} <= all_devices(bus.machine)
    bus.do("remove", BUS)
    bus.settle()
    assert not {BUS, CHILD, SECOND} & all_devices(bus.machine)
    bus.do("add", "ROOT\\PNPBUS")
    assert bus.machine.devices()[BUS]["started"]
    bus.tell(PLUG, 0)
    assert bus.machine.devices()[CHILD]["started"]

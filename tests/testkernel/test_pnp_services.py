# SPDX-License-Identifier: MIT
"""Drivers without devices: when they are unloaded."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .machine import Machine

OPENER = "ROOT\\OPENER\\0000"
LET_GO, OPEN, ATTACH = (f"{n:02x}000000" for n in range(3))


def events(machine: Machine) -> list[str]:
    assert machine.control("rescan")[0] == 0  # until the PnP manager has done what is queued
    return [event.strip() for event in re.findall(r"SEQ (.*)", machine.log)]


def tell(machine: Machine, what: str) -> int:
    return machine.control("ioctl", OPENER, "0x80002000", what)[0]


@pytest.fixture
def running(machine: Callable[..., Machine]) -> Machine:
    started = machine("legacy.sys", "legacy.inf", append="root=ROOT\\OPENER load=legacy")
    assert events(started) == ["legacy load"]
    return started


def test_a_service_is_stopped_and_started(running: Machine) -> None:
    for count in (1, 2):
        assert running.control("stop", "legacy")[0] == 0
        assert events(running) == ["legacy load", "legacy unload"] * count
        assert running.control("start", "legacy")[0] == 0


@pytest.mark.parametrize("use", [OPEN, ATTACH])
def test_unloading_is_put_off_until_nobody_uses_its_device(running: Machine, use: str) -> None:
    assert tell(running, use) == 0
    assert running.control("stop", "legacy")[0] == 0
    assert events(running) == ["legacy load"]
    for another in (OPEN, ATTACH):
        if another != use:
            assert tell(running, another) == 1  # nobody else gets in
    assert running.control("start", "legacy")[0] == 1  # it is still there
    assert tell(running, LET_GO) == 0
    running.wait_console("SEQ legacy unload")
    assert running.control("start", "legacy")[0] == 0
    assert events(running) == ["legacy load", "legacy unload", "legacy load"]


def test_a_pnp_driver_is_not_unloaded_as_a_service(running: Machine) -> None:
    code, answer = running.control("stop", "opener")
    assert (code, answer["error"]["name"]) == (1, "STATUS_INVALID_DEVICE_REQUEST")

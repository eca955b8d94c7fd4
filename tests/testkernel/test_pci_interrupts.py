# SPDX-License-Identifier: MIT
"""Interrupts of every kind, with QEMU's edu device and selftest/edu.c, which reports one line a check."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .machine import Machine

CONNECT_LINE_BASED, CONNECT_MESSAGE_BASED = 2, 3


@pytest.mark.parametrize(
    ("inf", "version"),
    [("edu.inf", CONNECT_LINE_BASED), ("edu_msi.inf", CONNECT_MESSAGE_BASED)],
    ids=["line", "message"],
)
def test_the_inf_decides_between_line_and_message(machine: Callable[..., Machine], inf: str, version: int) -> None:
    running = machine("edu.sys", inf, qemu=["-device", "edu,bus=rp1"])
    assert f"edu: interrupt ok after start version {version} " in running.log
    assert ("edu: old connection ok" in running.log) == (version == CONNECT_LINE_BASED)
    assert not running.complaints


@pytest.mark.parametrize("slot", ["pcie.0,addr=5", "pcie.0,addr=6", "pcie.0,addr=7", "pcie.0,addr=1c.0", "pcie.0,addr=1d.0"])
def test_every_route_to_the_io_apic(machine: Callable[..., Machine], slot: str) -> None:
    running = machine("edu.sys", "edu.inf", ports=0, qemu=["-device", f"edu,bus={slot}"])
    assert "edu: interrupt ok after start" in running.log


def test_a_shared_line_serves_both_devices(machine: Callable[..., Machine]) -> None:
    """Both functions use one pin, so each one's interrupt also calls the other's service routine, which declines."""
    card = ["-device", "edu,bus=rp1,addr=0.0,multifunction=on", "-device", "edu,bus=rp1,addr=0.1"]
    running = machine("edu.sys", "edu.inf", qemu=card)
    assert running.log.count("edu: interrupt ok after start") == 2
    assert not running.complaints


def test_rebalance_moves_the_device_and_its_interrupt(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu_msi.inf", qemu=["-device", "edu,bus=rp1"])
    code, answer = running.control("rebalance", "edu")
    assert code == 0, answer
    assert running.log.count("edu: interrupt ok after start") == 2
    places = [line.split(" at ")[1].split()[0] for line in running.log.splitlines() if "resource type 3" in line]
    assert len(places) == 2 and places[0] != places[1], places
    running.sleep()
    running.wake()
    running.wait_console("edu: interrupt ok after power-up")

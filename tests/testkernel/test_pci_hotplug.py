# SPDX-License-Identifier: MIT
"""PCIe native hot-plug with stock devices: the guest handshake of device_add and device_del."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .machine import Machine

EDU = r"PCI\VEN_1234&DEV_11E8&CC_00FF"


@pytest.mark.parametrize("inf", ["edu.inf", "edu_msi.inf"], ids=["line", "message"])
def test_twenty_plugs_and_unplugs(machine: Callable[..., Machine], inf: str) -> None:
    running = machine("edu.sys", inf)
    for cycle in range(1, 21):
        running.qmp("device_add", driver="edu", bus="rp1", id="edu0")
        running.wait_console("edu: interrupt ok after start", cycle)
        running.unplug("edu0")
    assert running.log.count("edu: remove") == 20
    assert not running.complaints


def test_a_device_without_driver_can_be_unplugged(machine: Callable[..., Machine]) -> None:
    running = machine(qemu=["-device", "e1000e,bus=rp1,id=net0"])
    running.unplug("net0")


def test_ejecting_in_the_guest_empties_the_slot(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf", qemu=["-device", "edu,bus=rp1,id=edu0"])
    code, answer = running.control("eject", "edu")
    assert code == 0, answer
    running.wait_event("DEVICE_DELETED")
    running.wait_until(lambda: running.device(EDU) is None, "device gone")


def test_a_disabled_device_can_be_unplugged(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf", qemu=["-device", "edu,bus=rp1,id=edu0"])
    code, answer = running.control("disable", "edu")
    assert code == 0, answer
    running.unplug("edu0")
    running.wait_until(lambda: running.device(EDU) is None, "device gone")


def test_disable_and_enable_start_the_hardware_again(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu_msi.inf", qemu=["-device", "edu,bus=rp1"])
    instance = (running.device(EDU) or {})["instance"]
    for cycle in range(2, 5):
        assert running.control("disable", instance)[0] == 0
        assert running.control("enable", instance)[0] == 0
        assert running.log.count("edu: interrupt ok after start") == cycle


def test_all_functions_of_a_card_leave_together(machine: Callable[..., Machine]) -> None:
    card = ["-device", "edu,bus=rp1,addr=0.0,multifunction=on,id=edu0", "-device", "edu,bus=rp1,addr=0.1,id=edu1"]
    running = machine("edu.sys", "edu_msi.inf", qemu=card)
    running.qmp("device_del", id="edu0")
    running.wait_event("DEVICE_DELETED")
    running.wait_event("DEVICE_DELETED")
    running.wait_until(lambda: running.device(EDU) is None, "both functions gone")
    assert running.log.count("edu: remove") == 2


def test_slots_are_independent(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu_msi.inf", ports=4)
    for slot in range(1, 5):
        running.qmp("device_add", driver="edu", bus=f"rp{slot}", id=f"edu{slot}")
    running.wait_console("edu: interrupt ok after start", 4)
    for slot in (2, 4, 1, 3):
        running.unplug(f"edu{slot}")
    running.wait_console("edu: remove", 4)


def test_large_windows_take_a_second_device_of_other_size(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf")
    running.qmp("device_add", driver="e1000e", bus="rp1", id="net0")
    running.wait_until(lambda: running.device(r"PCI\VEN_8086&DEV_10D3&CC_0200") is not None, "the network card")
    running.unplug("net0")
    running.qmp("device_add", driver="edu", bus="rp1", id="edu0")
    running.wait_console("edu: interrupt ok after start")

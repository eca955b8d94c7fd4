# SPDX-License-Identifier: MIT
"""What the PCI bus driver reports: identifiers as Windows forms them, resources, device tree."""

from __future__ import annotations

import re
from collections.abc import Callable

from .machine import Machine

EDU = r"PCI\VEN_1234&DEV_11E8"


def test_a_function_has_windows_identifiers(machine: Callable[..., Machine]) -> None:
    device = machine(qemu=["-device", "edu,bus=rp1"]).device(EDU + "&SUBSYS_11001AF4")
    assert device is not None
    assert device["hardware_ids"] == [
        EDU + "&SUBSYS_11001AF4&REV_10",
        EDU + "&SUBSYS_11001AF4",
        EDU + "&CC_00FF00",
        EDU + "&CC_00FF",
    ]
    assert device["compatible_ids"] == [
        EDU + "&REV_10",
        EDU,
        r"PCI\VEN_1234&CC_00FF00",
        r"PCI\VEN_1234&CC_00FF",
        r"PCI\VEN_1234",
        r"PCI\CC_00FF00",
        r"PCI\CC_00FF",
    ]
    assert re.fullmatch(re.escape(EDU) + r"&SUBSYS_11001AF4&REV_10\\4&[0-9a-f]+&0&0008", device["instance"])
    assert device["location"] == "PCI bus 1, device 0, function 0"


def test_a_root_port_is_a_started_bus(machine: Callable[..., Machine]) -> None:
    running = machine(qemu=["-device", "edu,bus=rp2,id=edu0"])
    edu = running.device(EDU + "&CC_00FF")
    assert edu is not None
    port = running.devices()[edu["parent"]]
    assert (port["service"], port["started"], port["problem"]) == ("pci", True, 0)
    assert port["compatible_ids"][-4:] == [r"PCI\CC_060400&DT_4", r"PCI\CC_060400", r"PCI\CC_0604&DT_4", r"PCI\CC_0604"]
    assert running.devices()[port["parent"]]["instance"] == r"ACPI\PNP0A08\0"


def test_a_serial_number_makes_the_instance(machine: Callable[..., Machine]) -> None:
    device = machine(qemu=["-device", "e1000e,bus=rp1,mac=52:54:00:01:02:03"]).device(r"PCI\VEN_8086&DEV_10D3&CC_0200")
    assert device is not None
    assert device["instance"].endswith(r"\525400FFFF01020300")


def test_functions_of_one_card_are_all_found(machine: Callable[..., Machine]) -> None:
    card = ["-device", "edu,bus=rp1,addr=0.0,multifunction=on", "-device", "edu,bus=rp1,addr=0.5"]
    instances = [d["instance"] for d in machine(qemu=card).devices().values() if EDU in d["compatible_ids"]]
    assert sorted(instance.rpartition("&")[2] for instance in instances) == ["0008", "0508"]


def test_the_same_slot_keeps_its_instance(machine: Callable[..., Machine]) -> None:
    running = machine("edu.sys", "edu.inf")
    instances = set()
    for _ in range(3):
        running.qmp("device_add", driver="edu", bus="rp1", id="edu0")
        running.wait_until(lambda: (running.device(EDU + "&CC_00FF") or {"started": False})["started"], "started device")
        device = running.device(EDU + "&CC_00FF")
        assert device is not None
        instances.add(device["instance"])
        running.unplug("edu0")
        running.wait_until(lambda: running.device(EDU + "&CC_00FF") is None, "device gone")
    assert len(instances) == 1

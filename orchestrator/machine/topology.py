# SPDX-License-Identifier: MIT
"""Topologies: which root ports a machine has and which devices are, or can be, plugged where. Data, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from orchestrator.base.errors import BadInput
from orchestrator.base.strict_yaml import Node, load

TOPOLOGIES = Path(__file__).parent / "topologies"


@dataclass(frozen=True)
class Model:
    """A QEMU device model of ours; see hardware.yaml."""

    driver: str
    hardware_id: str


@dataclass(frozen=True)
class Device:
    """A device that a topology knows: plugged in from the start, or lying ready."""

    id: str
    driver: str
    bus: str
    plugged: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)
    # With which the guest's devnode of the device begins.
    hardware_id: str = ""

    def arguments(self) -> dict[str, Any]:
        """What `device_add` takes."""
        return {"driver": self.driver, "id": self.id, "bus": self.bus, **self.properties}

    @property
    def parent(self) -> str | None:
        """The id of the device whose bus this one sits on (`fred0` for bus `fred0.0`), None on a root port."""
        return self.bus.rpartition(".")[0] or None


@dataclass(frozen=True)
class Topology:
    """Root ports in slot order, and devices by id."""

    name: str
    ports: tuple[str, ...]
    devices: Mapping[str, Device]

    def device(self, id: str) -> Device:
        """The device called `id`; raises BadInput naming those that exist."""
        if id not in self.devices:
            raise BadInput(f"topology {self.name} has no device {id!r}; it has {', '.join(self.devices) or 'none'}")
        return self.devices[id]


@cache
def models() -> Mapping[str, Model]:
    """The device models of hardware.yaml by QEMU driver name."""
    data = yaml.safe_load((Path(__file__).parent / "hardware.yaml").read_text(encoding="utf-8"))
    return {name: Model(name, facts["hardware_id"]) for name, facts in data.items()}


def names() -> list[str]:
    """The topologies that come with the orchestrator."""
    return sorted(path.stem for path in TOPOLOGIES.glob("*.yaml"))


def load_topology(name: str, variables: Mapping[str, str] | None = None) -> Topology:
    """A topology by its name, or by the path of a YAML file, with the values of `$(variables)` in it. Raises BadInput."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else TOPOLOGIES / f"{name}.yaml"
    if not path.is_file():
        raise BadInput(f"there is no topology {name!r}", f"Known: {', '.join(names())}; or give the path of a YAML file.")
    root = load(path)
    root.substitute(variables or {})
    root.only("ports", "devices")
    ports = tuple(port.text() for port in root.need("ports").items())
    devices = {}
    for id, node in root.get_map("devices"):
        node.only("driver", "hardware_id", "bus", "plugged", "properties", "count")
        count = node.get("count")
        # Several of a kind: toaster with count 3 is toaster0, toaster1 and toaster2.
        for each in [f"{id}{number}" for number in range(count.whole(1))] if count else [id]:
            devices[each] = _device(each, node, ports)
    return Topology(name, ports, devices)


def _device(id: str, node: Node, ports: tuple[str, ...]) -> Device:
    driver, hardware_id = node.need("driver"), node.get("hardware_id")
    if hardware_id is None and driver.text() not in models():
        driver.fail(
            f"{driver.text()!r} is none of {', '.join(models())}",
            "For another QEMU device say by which hardware id the guest knows it: hardware_id: PCI\\VEN_1234&DEV_11E8.",
        )
    bus = node.need("bus")
    if "." not in bus.text() and bus.text() not in ports:
        bus.fail(f"no root port {bus.text()!r}; there are {', '.join(ports)}")
    plugged = node.get("plugged")
    properties = node.get("properties")
    return Device(
        id,
        driver.text(),
        bus.text(),
        plugged.flag() if plugged else False,
        {key: value.scalar() for key, value in properties.pairs()} if properties else {},
        hardware_id.text() if hardware_id else models()[driver.text()].hardware_id,
    )

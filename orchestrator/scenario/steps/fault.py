# SPDX-License-Identifier: MIT
"""fault: hardware that errs while the guest runs (docs/device.md, Faults)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

# Faults under which a driver cannot get right results.
_SPOILS_RESULTS = (
    "interrupt-lost",
    "stuck-busy",
    "read-corrupt",
    "d0-late",
    "d0-fail",
    "dma-",
    "link-down",
    "semaphore-stuck",
    "aer-",
)


@dataclass(frozen=True)
class Fault:
    """Arm a fault of a device, or disarm it."""

    device: str
    fault: str
    arm: bool

    @property
    def title(self) -> str:
        return f"{'arm' if self.arm else 'disarm'} {self.fault} of {self.device}"

    async def run(self, context: Context) -> None:
        if self.arm and self.fault.startswith(_SPOILS_RESULTS):
            context.errors_explained = True
        text = self.fault if self.arm else "off" if self.fault == "all" else f"{self.fault},off"
        await context.machine.fault(self.device, text)


def parse_fault(node: Node) -> Fault:
    """`fault: {device: buddy0, arm: "interrupt-lost,count=3"}` or `fault: {device: buddy0, disarm: interrupt-lost}` (`all`)."""
    node.only("device", "arm", "disarm")
    arm, disarm = node.get("arm"), node.get("disarm")
    chosen = arm or disarm
    if chosen is None or (arm and disarm):
        node.fail("fault needs either `arm` or `disarm`")
    return Fault(node.need("device").text(), chosen.text(), arm is not None)


PARSERS: dict[str, Callable[[Node], Step]] = {"fault": parse_fault}

# SPDX-License-Identifier: MIT
"""reboot: the guest shuts down and starts again, or the machine is reset under it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

REBOOT_SECONDS = 30.0


@dataclass(frozen=True)
class Reboot:
    """Done when the guest answers again and has its devices. What was opened or exercised before is gone."""

    critical: bool = False

    @property
    def title(self) -> str:
        return "reboot" + (" (reset without warning)" if self.critical else "")

    async def run(self, context: Context) -> None:
        since = context.journal.mark()
        async with context.machine.resetting(REBOOT_SECONDS):
            if self.critical:
                await context.machine.execute("system_reset")
            else:
                await context.ask(context.agent.tell("guest-shutdown", {"mode": "reboot"}), "guest-shutdown")
            await context.answering(since, "a sync after the reboot", REBOOT_SECONDS)
        context.exercising.clear()
        context.handles.clear()
        context.processes.clear()
        await context.settled()


def parse_reboot(node: Node) -> Reboot:
    """`reboot:` or `reboot: critical`."""
    if node.empty():
        return Reboot()
    node.choice("critical")
    return Reboot(critical=True)


PARSERS: dict[str, Callable[[Node], Step]] = {"reboot": parse_reboot}

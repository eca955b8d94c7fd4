# SPDX-License-Identifier: MIT
"""update: a driver is replaced by another version while its devices run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node
from orchestrator.scenario.steps.waiting import Repeat

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step


@dataclass(frozen=True)
class Update:
    """Make a driver of the image (a mutant, or another version) the driver of the devices that it fits.

    Its package lies in the guest from the boot on and is not installed. Without `force` only a better driver is taken: a better
    match, or a newer DriverVer. `restart`: somebody is expected to keep the old driver from going.
    """

    driver: str
    force: bool = False
    restart: bool = False

    @property
    def title(self) -> str:
        return f"update to {self.driver}"

    async def run(self, context: Context) -> None:
        arguments = ("update", context.guest.package(self.driver), *(["force"] if self.force else []))
        answer = await context.ask(context.ctl.run(*arguments), self.title)
        if bool(answer["restart"]) != self.restart:
            need = "a restart is needed to finish it" if answer["restart"] else "it was finished without a restart"
            context.fail("update", f"update to {self.driver}: {need}, which was not expected")
        if not self.restart:
            old = context.guest.standing_for(self.driver)
            standing = context.guest.standing_for
            context.drivers = tuple(self.driver if standing(each) == old else each for each in context.drivers)
            await context.settled()


def packages(steps: Iterable[Step]) -> tuple[str, ...]:
    """The drivers that the steps update to, each once: what must lie in the guest as a package."""
    found: dict[str, None] = {}
    for step in steps:
        if isinstance(step, Update):
            found[step.driver] = None
        elif isinstance(step, Repeat):
            found.update(dict.fromkeys(packages(step.steps)))
    return tuple(found)


def parse_update(node: Node) -> Update:
    """`update: owner-next` or `update: {driver: owner-next, force: true, restart: true}`."""
    if node.kind == "value":
        return Update(node.text())
    node.only("driver", "force", "restart")
    force, restart = node.get("force"), node.get("restart")
    return Update(node.need("driver").text(), bool(force and force.flag()), bool(restart and restart.flag()))


PARSERS: dict[str, Callable[[Node], Step]] = {"update": parse_update}

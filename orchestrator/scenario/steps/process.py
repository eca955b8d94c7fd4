# SPDX-License-Identifier: MIT
"""io, kill: a process that keeps a device busy, with a request pending, and its violent end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.errors import HarnessError
from orchestrator.base.strict_yaml import Node

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step


@dataclass(frozen=True)
class Io:
    """Start a process that sends requests to a driver's device until it is killed."""

    driver: str

    @property
    def title(self) -> str:
        return f"a process sends requests to {self.driver}"

    async def run(self, context: Context) -> None:
        instance = await context.instance(self.driver)
        answer = await context.ask(context.ctl.run("io", instance), f"io {self.driver}")
        context.processes[self.driver] = int(answer["process"])


@dataclass(frozen=True)
class Kill:
    """End the process of `io` at once, whatever it waits for."""

    driver: str

    @property
    def title(self) -> str:
        return f"kill the process that sends requests to {self.driver}"

    async def run(self, context: Context) -> None:
        if self.driver not in context.processes:
            raise HarnessError(f"the scenario kills a process, but none was started: `io: {self.driver}` must come first")
        process = context.processes.pop(self.driver)
        await context.ask(context.ctl.run("kill", str(process)), f"kill {process}", 2 * KILL_SECONDS)


# What a guest gives the requests of a killed process to be completed.
KILL_SECONDS = 10.0

PARSERS: dict[str, Callable[[Node], Step]] = {
    "io": lambda node: Io(node.text()),
    "kill": lambda node: Kill(node.text()),
}

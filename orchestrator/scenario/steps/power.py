# SPDX-License-Identifier: MIT
"""suspend, resume, wake: system sleep (S3), and devices that signal PME."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node
from orchestrator.machine.states import MachineState

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

SLEEP_SECONDS = 10.0


@dataclass(frozen=True)
class Suspend:
    """Ask the guest to sleep (S3); done when QEMU says that it does."""

    title: str = "suspend"

    async def run(self, context: Context) -> None:
        since = context.machine.monitor.mark()
        await context.ask(context.agent.tell("guest-suspend-ram"), "guest-suspend-ram")
        refusal = asyncio.create_task(context.agent.refusal())
        asleep = asyncio.create_task(context.machine.asleep(since, SLEEP_SECONDS))
        try:
            await asyncio.wait({refusal, asleep}, return_when=asyncio.FIRST_COMPLETED)
            if not asleep.done():
                context.fail("suspend-refused", f"the guest refused to sleep: {refusal.result()}")
            asleep.result()
        finally:
            for task in (refusal, asleep):
                task.cancel()
            await asyncio.gather(refusal, asleep, return_exceptions=True)


@dataclass(frozen=True)
class Resume:
    """Wake the machine; done when the guest answers again and has its devices."""

    settle: bool = True
    title: str = "resume"

    async def run(self, context: Context) -> None:
        since = context.journal.mark()
        await context.machine.wake()
        await context.answering(since, "a sync after waking")
        if self.settle:
            await context.settled()


@dataclass(frozen=True)
class Wake:
    """The world knocks at a device: it signals PME (if its driver armed it). A sleeping machine wakes as after `resume`."""

    device: str
    settle: bool = True

    @property
    def title(self) -> str:
        return f"wake {self.device}"

    async def run(self, context: Context) -> None:
        asleep = context.machine.life.state is MachineState.ASLEEP
        records, events = context.journal.mark(), context.machine.monitor.mark()
        await context.machine.signal_wake(self.device)
        expected = context.journal.expect({"kind": "pme", "dev": self.device}, records)
        pme = await context.alarm.guard(expected, f"the journal's pme record of {self.device}", SLEEP_SECONDS)
        if pme.get("event") == "masked":
            context.fail("wake-masked", f"{self.device} cannot wake: its driver has no wait/wake IRP out, so PME is not enabled")
        if not asleep:
            return
        await context.machine.woken(events)
        await context.answering(records, f"a sync after PME of {self.device}")
        if self.settle:
            await context.settled()


def _nothing(node: Node, name: str) -> None:
    if not node.empty():
        node.fail(f"{name} takes no value")


def parse_suspend(node: Node) -> Suspend:
    """`suspend:`."""
    _nothing(node, "suspend")
    return Suspend()


def parse_resume(node: Node) -> Resume:
    """`resume:` or `resume: {settle: false}`."""
    if node.kind == "mapping":
        node.only("settle")
        return Resume(node.need("settle").flag())
    _nothing(node, "resume")
    return Resume()


def parse_wake(node: Node) -> Wake:
    """`wake: DEVICE` or `wake: {device: DEVICE, settle: false}`."""
    if node.kind == "mapping":
        node.only("device", "settle")
        settle = node.get("settle")
        return Wake(node.need("device").text(), settle.flag() if settle is not None else True)
    return Wake(node.text())


PARSERS: dict[str, Callable[[Node], Step]] = {"suspend": parse_suspend, "resume": parse_resume, "wake": parse_wake}

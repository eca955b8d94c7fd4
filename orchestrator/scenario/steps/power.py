# SPDX-License-Identifier: MIT
"""suspend, resume, wake: system sleep (S3 or S1), and devices that signal PME."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node
from orchestrator.guest.buddyctl import BuddyctlFailed
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
class Standby:
    """Have the guest sleep in S1; done when the journal says that it does, because QEMU has no event for it."""

    title: str = "suspend S1"

    async def run(self, context: Context) -> None:
        since = context.journal.mark()
        pid = await context.ask(context.ctl.start("sleep", "1"), "buddyctl sleep 1")
        lines = [{"kind": "trace", "line": f"kernel {line}"} for line in ("suspend system=S1", "suspend-refused")]
        expected = context.journal.expect_any(lines, since)
        record = await context.alarm.guard(expected, "the journal's record of S1", SLEEP_SECONDS)
        if "refused" in record["line"]:
            try:
                await context.ask(context.ctl.ended(pid, "sleep", "1"), "buddyctl sleep 1")
            except BuddyctlFailed as refusal:
                context.fail("suspend-refused", f"the guest refused to sleep: {refusal}")
        context.machine.stands_by()


async def _left_standby(context: Context, since: int) -> None:
    expected = context.journal.expect({"kind": "trace", "line": "kernel resume"}, since)
    await context.alarm.guard(expected, "the journal's record of the end of S1", SLEEP_SECONDS)
    context.machine.left_standby()


@dataclass(frozen=True)
class Resume:
    """Wake the machine, from S1 by its power button; done when the guest answers again and has its devices."""

    settle: bool = True
    title: str = "resume"

    async def run(self, context: Context) -> None:
        since = context.journal.mark()
        if context.machine.standby:
            await context.machine.press_power_button()
            await _left_standby(context, since)
        else:
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
        if context.machine.standby:
            await _left_standby(context, records)
        else:
            await context.machine.woken(events)
        await context.answering(records, f"a sync after PME of {self.device}")
        if self.settle:
            await context.settled()


def _nothing(node: Node, name: str) -> None:
    if not node.empty():
        node.fail(f"{name} takes no value")


def parse_suspend(node: Node) -> Suspend | Standby:
    """`suspend:` (S3) or `suspend: S1`."""
    if not node.empty():
        return Standby() if node.choice("S1", "S3") == "S1" else Suspend()
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

# SPDX-License-Identifier: MIT
"""plug, unplug, yank: hardware that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.base.strict_yaml import Node
from orchestrator.machine.machine import UNPLUG_PENDING_SECONDS, UnplugPending

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

UNPLUG_SECONDS = 10.0
# A trace line by which a driver says that its removal was asked for and then called off.
_CALLED_OFF = "cancel-remove"


@dataclass(frozen=True)
class Plug:
    """Plug a device in; done when the guest has started it (unless `settle` is false)."""

    device: str
    settle: bool = True

    @property
    def title(self) -> str:
        return f"plug {self.device}"

    async def run(self, context: Context) -> None:
        since = context.journal.mark()
        await context.machine.plug(self.device)
        if self.settle:
            await context.settled(since=since)


@dataclass(frozen=True)
class Unplug:
    """Ask the guest to give a device up (device_del). Granted: QEMU deleted it. Vetoed: the guest refused."""

    device: str
    vetoed: bool = False
    settle: bool = True

    @property
    def title(self) -> str:
        return f"unplug {self.device}" + (" (vetoed)" if self.vetoed else "")

    async def run(self, context: Context) -> None:
        events, records = context.machine.monitor.mark(), context.journal.mark()
        await self._request(context)
        if self.vetoed:
            await self._refused(context, events, records)
            return
        await self._granted(context, events, records)
        if self.settle:
            await context.settled()

    async def _granted(self, context: Context, events: int, records: int) -> None:
        """Until QEMU has deleted the device; a refusal fails at once and need not be waited out."""
        refusal = asyncio.create_task(self._called_off(context, records))
        deletion = asyncio.create_task(context.machine.deleted(self.device, events, UNPLUG_SECONDS))
        try:
            await asyncio.wait([refusal, deletion], return_when=asyncio.FIRST_COMPLETED)
            if not deletion.done():
                context.fail("vetoed", f"the guest refused to give {self.device} up: DEVICE_DELETED does not come")
            await deletion
        finally:
            refusal.cancel()
            deletion.cancel()

    async def _request(self, context: Context) -> None:
        """device_del; when QEMU still waits for the answer to an earlier one, again as soon as QEMU takes it."""

        async def until_taken() -> None:
            wait = 0.05
            while True:
                try:
                    return await context.machine.request_unplug(self.device)
                except UnplugPending:
                    # QEMU has no event for the end of its five seconds: it must be asked.
                    await asyncio.sleep(wait)
                    wait = min(0.25, wait * 2)

        what = f"QEMU to take another device_del of {self.device} ({UNPLUG_PENDING_SECONDS:g} s after the last one)"
        await context.alarm.guard(until_taken(), what, 2 * UNPLUG_PENDING_SECONDS)

    async def _called_off(self, context: Context, records: int) -> None:
        """Until a driver traces that a removal was called off."""
        seen = records
        while True:
            for record in context.journal.records[seen:]:
                line = record.trace
                if line and (line.event == _CALLED_OFF or line.event == "target-remove-cancelled"):
                    return
            seen = len(context.journal.records)
            await context.journal.expect({}, seen)

    async def _refused(self, context: Context, events: int, records: int) -> None:
        """A refusal has no QMP event in this QEMU; the drivers trace that the removal was called off. Deletion fails at once."""
        refusal = asyncio.create_task(self._called_off(context, records))
        deletion = asyncio.create_task(context.machine.monitor.event("DEVICE_DELETED", events, {"device": self.device}))
        try:
            either = asyncio.wait([refusal, deletion], return_when=asyncio.FIRST_COMPLETED)
            await context.alarm.guard(either, f"the guest to refuse the unplug of {self.device}", UNPLUG_SECONDS)
            if deletion.done():
                context.fail("not-vetoed", f"the unplug of {self.device} was to be refused, but the guest granted it")
            await refusal
        finally:
            refusal.cancel()
            deletion.cancel()
        await context.machine.withdraw_unplug(self.device)
        await context.settled()


@dataclass(frozen=True)
class Yank:
    """Pull a device out without warning; done when the guest has noticed (unless `settle` is false)."""

    device: str
    settle: bool = True

    @property
    def title(self) -> str:
        return f"yank {self.device}"

    async def run(self, context: Context) -> None:
        context.errors_explained = True
        since = context.journal.mark()
        await context.machine.yank(self.device)
        if self.settle:
            await context.settled(since=since)


def _device_and(node: Node, *options: str) -> tuple[str, dict[str, Node]]:
    if node.kind == "value":
        return node.text(), {}
    node.only("device", *options)
    return node.need("device").text(), {key: value for key, value in node.pairs() if key != "device"}


def _settle(options: dict[str, Node]) -> bool:
    return options["settle"].flag() if "settle" in options else True


def parse_plug(node: Node) -> Plug:
    """`plug: buddy0` or `plug: {device: buddy0, settle: false}`."""
    device, options = _device_and(node, "settle")
    return Plug(device, _settle(options))


def parse_unplug(node: Node) -> Unplug:
    """`unplug: buddy0` or `unplug: {device: buddy0, expect: vetoed}`."""
    device, options = _device_and(node, "expect", "settle")
    vetoed = "expect" in options and options["expect"].choice("granted", "vetoed") == "vetoed"
    return Unplug(device, vetoed, _settle(options))


def parse_yank(node: Node) -> Yank:
    """`yank: buddy0` or `yank: {device: buddy0, settle: false}`."""
    device, options = _device_and(node, "settle")
    return Yank(device, _settle(options))


PARSERS: dict[str, Callable[[Node], Step]] = {"plug": parse_plug, "unplug": parse_unplug, "yank": parse_yank}

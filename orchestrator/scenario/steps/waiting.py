# SPDX-License-Identifier: MIT
"""wait: for the guest's devices, a journal record or a QMP event. repeat: other steps, several times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.base.strict_yaml import Node
from orchestrator.journal.follower import BULK_KINDS

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

WAIT_SECONDS = 10.0


@dataclass(frozen=True)
class WaitSettled:
    """Wait until the guest has started exactly the devices that are there."""

    limit: float
    title: str = "wait until the guest's devices equal the hardware"

    async def run(self, context: Context) -> None:
        await context.settled(self.limit)


@dataclass(frozen=True)
class WaitRecord:
    """Wait for a journal record, of a bulk kind for a new one; with `times` for the N-th one that counts."""

    wanted: Mapping[str, Any]
    limit: float
    # Which ones count: all since the scenario began, those since the `step` before began, or only `new` ones.
    since: Literal["scenario", "step", "new"] = "scenario"
    times: int = 1

    @property
    def title(self) -> str:
        return "wait for the journal record " + ", ".join(f"{key} {value}" for key, value in self.wanted.items())

    async def run(self, context: Context) -> None:
        if self.wanted.get("kind") in BULK_KINDS:
            kind = str(self.wanted["kind"])
            await context.alarm.guard(context.journal.expect_bulk(kind, self.wanted, self.times), self.title, self.limit)
            return
        await context.alarm.guard(context.journal.expect(self.wanted, self._mark(context), self.times), self.title, self.limit)

    def _mark(self, context: Context) -> int:
        match self.since:
            case "new":
                return context.journal.mark()
            case "step":
                return context.played[-2].mark if len(context.played) > 1 else 0
            case _:
                return 0


@dataclass(frozen=True)
class WaitEvent:
    """Wait for a QMP event; one that came since the scenario began counts too."""

    name: str
    data: Mapping[str, Any]
    limit: float

    @property
    def title(self) -> str:
        return f"wait for the QMP event {self.name}"

    async def run(self, context: Context) -> None:
        await context.machine.event(self.name, 0, self.limit, dict(self.data))


@dataclass(frozen=True)
class Repeat:
    """Run steps several times."""

    times: int
    steps: Sequence[Step]

    @property
    def title(self) -> str:
        return f"repeat {self.times} times"

    async def run(self, context: Context) -> None:
        context.depth += 1
        try:
            for _ in range(self.times):
                for step in self.steps:
                    await context.step(step)
        finally:
            context.depth -= 1


def _since(new: Node | None) -> Literal["scenario", "step", "new"]:
    if new is None:
        return "scenario"
    if new.text() == "step":
        return "step"
    return "new" if new.flag() else "scenario"


def parse_wait(node: Node) -> WaitSettled | WaitRecord | WaitEvent:
    """`wait: {devices: settled}`, `wait: {journal: {kind: trace, line: owner start}}` or `wait: {event: NAME}`."""
    node.only("devices", "journal", "new", "times", "event", "data", "limit")
    asked = [key for key, _ in node.pairs() if key in ("devices", "journal", "event")]
    if len(asked) != 1:
        node.fail("wait needs exactly one of devices, journal and event")
    limit_node, new, data, times = node.get("limit"), node.get("new"), node.get("data"), node.get("times")
    limit = limit_node.seconds() if limit_node else WAIT_SECONDS
    what = node.need(asked[0])
    if asked[0] == "devices":
        what.choice("settled")
        return WaitSettled(limit)
    if asked[0] == "journal":
        wanted = {key: value.scalar() for key, value in what.pairs()}
        if not wanted:
            what.fail("journal must name at least one key of the record")
        return WaitRecord(wanted, limit, _since(new), times.whole(1) if times else 1)
    return WaitEvent(what.text(), data.plain() if data else {}, limit)


PARSERS: dict[str, Callable[[Node], Step]] = {"wait": parse_wait}

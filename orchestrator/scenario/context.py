# SPDX-License-Identifier: MIT
"""What a step works with: the machine, the guest and the journal of its scenario, and the waits that steps share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.base.alarm import Alarm, WaitExpired
from orchestrator.base.events import EventBus, StepFinished, StepStarted
from orchestrator.base.verdict import Finding, ScenarioFailed, Verdict
from orchestrator.guest.agent import Agent, AgentError
from orchestrator.guest.buddyctl import Buddyctl, BuddyctlFailed, GuestDevice
from orchestrator.guest.guest import CrashReport, Guest
from orchestrator.journal.follower import Journal
from orchestrator.machine.machine import Machine
from orchestrator.machine.states import MachineState
from orchestrator.machine.topology import models
from orchestrator.scenario.model import Step

T = TypeVar("T")

# A guest that is healthy does each of these in milliseconds; the limits leave room for a loaded host.
GUEST_ANSWER_SECONDS = 10.0
SETTLE_SECONDS = 10.0
# Between two looks at the guest's devices, when the journal shows nothing of what changes them: first, and at most.
_LOOK_AGAIN_SECONDS = 0.005
_LOOK_AT_LEAST_EVERY_SECONDS = 0.05
# What drivers trace when a device of theirs has come or gone (docs/journal.md).
_DEVICE_CHANGES = [
    {"kind": "trace", "line": f"{driver} {event}"}
    for driver in ("kernel", "owner", "borrower", "fredbus", "toaster", "oven")
    for event in ("start", "remove")
]


@dataclass
class PlayedStep:
    """A step that was run: the journal had `first` records when it began and `last` when it ended."""

    title: str
    depth: int
    first: int
    last: int
    seconds: float
    error: str | None = None
    # The journal's mark when it began.
    mark: int = 0


@dataclass
class Context:
    """One running scenario."""

    scenario: str
    machine: Machine
    guest: Guest
    agent: Agent
    journal: Journal
    alarm: Alarm
    bus: EventBus
    # The drivers that are installed.
    drivers: tuple[str, ...]
    ctl: Buddyctl = field(init=False)
    # Handles that `hold` opened, by device.
    handles: dict[str, int] = field(default_factory=dict)
    # Processes that `io` started, by driver.
    processes: dict[str, int] = field(default_factory=dict)
    # A device was pulled out without warning, or its hardware erred on purpose: the exerciser may have seen wrong results then.
    errors_explained: bool = False
    # Drivers that were told to exercise and not to stop.
    exercising: set[str] = field(default_factory=set)
    depth: int = 0
    # What was done, and between which journal records; for the timeline.
    played: list[PlayedStep] = field(default_factory=list)
    # The command that attaches gdb, when the machine was started to be debugged.
    debugger: str | None = None
    # What the guest told when it stopped, with source lines.
    crash: CrashReport | None = None

    def __post_init__(self) -> None:
        self.ctl = Buddyctl(self.agent)

    async def step(self, step: Step) -> None:
        """Run a step, with events around it."""
        async with self.part(step.title):
            await step.run(self)

    @contextlib.asynccontextmanager
    async def part(self, title: str) -> AsyncIterator[None]:
        """A part of the scenario: events at its start and end, and a place in the timeline."""
        self.alarm.check()
        started = time.monotonic()
        played = PlayedStep(title, self.depth, self.journal.count, self.journal.count, 0.0, mark=self.journal.mark())
        self.played.append(played)
        self.bus.emit(StepStarted(self.scenario, title, self.depth))
        try:
            yield
            self.alarm.check()
        except (ScenarioFailed, WaitExpired, BuddyctlFailed, AgentError) as failure:
            played.error = str(failure)
            raise
        finally:
            played.last, played.seconds = self.journal.count, time.monotonic() - started
            self.bus.emit(StepFinished(self.scenario, title, played.seconds, played.error, self.depth))

    async def ask(self, work: Coroutine[Any, Any, T], what: str, limit: float = GUEST_ANSWER_SECONDS) -> T:
        """Something that the guest has to answer, guarded. Raises HarnessError when the machine does not run."""
        if self.machine.life.state is not MachineState.RUNNING:
            work.close()
            self.machine.life.require(MachineState.RUNNING)
        return await self.alarm.guard(work, f"the guest's answer to {what}", limit)

    async def devices(self) -> list[GuestDevice]:
        """The guest's devnodes."""
        return await self.ask(self.ctl.devices(), "buddyctl devices")

    async def instances(self, driver: str) -> list[str]:
        """The instance paths of the devices that `driver` (or a mutant in its place) serves."""
        installed = next((d for d in self.drivers if self.guest.standing_for(d) == driver), driver)
        ids = set(self.guest.hardware_ids(installed))
        return [d.instance for d in await self.devices() if d.has_id(ids)]

    async def instance(self, driver: str) -> str:
        """The instance path of the one device that `driver` serves."""
        found = await self.instances(driver)
        if len(found) != 1:
            have = ", ".join(found) or "none"
            self.fail("no-device", f"one device of driver {driver} was expected in the guest, but it has: {have}")
        return found[0]

    def fail(self, name: str, reason: str, **facts: Any) -> None:
        """End the scenario: the drivers did not do what they must."""
        raise ScenarioFailed(Finding(Verdict.DRIVER_FAILURE, name, reason, facts=facts))

    def unsettled(self, devices: list[GuestDevice]) -> list[str]:
        """What still differs between the hardware that is there and the devices that the guest has started."""
        problems = []
        roots = [f"{id}\\" for driver in self.drivers for id in self.guest.hardware_ids(driver) if id.startswith("ROOT\\")]
        # Devices without hardware, and what their bus driver makes up below them.
        software = [d for d in devices if _below(d.instance, roots) or _below(d.parent, roots)]
        problems += [f"{d.label} is not started" + _problem(d) for d in software if not d.started]
        hardware_ids = {device.hardware_id: device.driver for device in self.machine.topology.devices.values()}
        hardware_ids |= {model.hardware_id: model.driver for model in models().values()}
        for hardware_id, driver in hardware_ids.items():
            there = [id for id in self.machine.present if self.machine.topology.device(id).hardware_id == hardware_id]
            seen = [d for d in devices if d.instance.upper().startswith(hardware_id.upper()) and d not in software]
            started = [d for d in seen if d.started]
            if len(started) != len(there):
                hardware = f"{len(there)} {driver} in the machine"
                problems.append(f"{hardware}, but {len(started)} started in the guest")
            problems += [f"{d.label} is not started" + _problem(d) for d in seen if not d.started]
        for id in self.guest.software_devices(self.drivers):
            if not any(d.started and d.instance.upper().startswith(f"{id}\\") for d in devices):
                problems.append(f"{id} is not started")
        problems += [f"{d.label} has a problem" + _problem(d) for d in devices if d.service and d.started and d.problem]
        return problems

    async def answering(self, since: int, what: str, limit: float = GUEST_ANSWER_SECONDS) -> None:
        """Wait until the guest answers a sync; `since` is the journal's mark before it was started or woken."""
        sign = self._any_line(self.guest.listening, since) if self.guest.listening else None
        await self.alarm.guard(self.agent.ready(sign, self.alarm.patient), f"the guest's answer to {what}", limit)

    async def _any_line(self, lines: Sequence[str], since: int) -> None:
        await self.journal.expect_any([{"kind": "trace", "line": line} for line in lines], since)

    async def settled(self, limit: float = SETTLE_SECONDS, since: int | None = None) -> None:
        """Wait until the guest has started exactly the devices that are there, and none has a problem.

        With `since`, the journal's mark before something was changed, the first look waits for a sign of the change.
        """
        last: list[str] = []

        async def look() -> None:
            nonlocal last
            seen, pause = since, _LOOK_AT_LEAST_EVERY_SECONDS if since is not None else _LOOK_AGAIN_SECONDS
            while True:
                if seen is not None:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(pause):  # not wait_for: before Python 3.12 that may lose a cancellation
                            await self.journal.expect_any(_DEVICE_CHANGES, seen)
                        pause = _LOOK_AGAIN_SECONDS
                seen, pause = self.journal.mark(), min(2 * pause, _LOOK_AT_LEAST_EVERY_SECONDS)
                last = self.unsettled(await self.ctl.devices(brief=True))
                if not last:
                    return

        try:
            await self.alarm.guard(look(), "the guest's devices to equal the hardware", limit)
        except WaitExpired as expired:
            if last:
                raise WaitExpired(f"{expired.what} ({'; '.join(last)})", expired.limit) from None
            raise


def _below(instance: str | None, roots: Sequence[str]) -> bool:
    return instance is not None and any(instance.upper().startswith(root) for root in roots)


def _problem(device: GuestDevice) -> str:
    return f" (problem {device.problem}{f' {device.problem_name}' if device.problem_name else ''})" if device.problem else ""

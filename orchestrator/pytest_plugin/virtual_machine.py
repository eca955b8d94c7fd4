# SPDX-License-Identifier: MIT
"""A booted machine for tests that are written in Python: the scenario steps as plain methods."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal, TypeVar

from orchestrator.base.verdict import Finding
from orchestrator.guest.buddyctl import ExerciseStatus, GuestDevice
from orchestrator.journal.record import Record
from orchestrator.scenario import evidence
from orchestrator.scenario.context import GUEST_ANSWER_SECONDS, Context
from orchestrator.scenario.execution import READY_SECONDS, Bench, booted, outcome
from orchestrator.scenario.model import Scenario, Step
from orchestrator.scenario.steps.guest_work import Exercise, Hold, Release, Work
from orchestrator.scenario.steps.hotplug import Plug, Unplug, Yank
from orchestrator.scenario.steps.power import Resume, Standby, Suspend

T = TypeVar("T")


class VirtualMachine:
    """A machine that is up and has started its devices. Every method waits until what it asks for has happened.

    Between two calls nothing is read: findings of the journal show at the next call, or at the end of the test.
    """

    def __init__(self, bench: Bench, scenario: Scenario, directory: Path) -> None:
        self.directory = directory
        self._scenario = scenario
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._context: Context = self._runner.run(self._boot(bench))

    async def _boot(self, bench: Bench) -> Context:
        self.directory.mkdir(parents=True)
        context = await self._stack.enter_async_context(booted(bench, self._scenario, self.directory))
        try:
            await context.answering(0, "a sync after boot", READY_SECONDS)
            await context.settled()
            if self._scenario.exercise:
                await context.step(Exercise(self._scenario.exercise))
        except BaseException:
            await self._stack.aclose()
            raise
        return context

    def finish(self) -> list[Finding]:
        """The final checks of every scenario, evidence, and the end of the machine; returns what was found."""

        async def end() -> list[Finding]:
            context = self._context
            try:
                findings = list(context.alarm.findings) or await outcome(context, self._final_checks())
                evidence.keep_steps(context)
                if findings:
                    findings = await evidence.collect(context, findings, dump=True)
            finally:
                await self._stack.aclose()
            return findings + [finding for finding in context.alarm.findings if finding not in findings]

        try:
            return self._runner.run(end())
        finally:
            self._runner.close()

    async def _final_checks(self) -> None:
        if self._context.machine.life.state == "running":
            await self._context.settled()
            for driver in sorted(self._context.exercising):
                await Exercise(driver, start=False).run(self._context)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run any coroutine on the machine's event loop."""
        return self._runner.run(work)

    def step(self, step: Step) -> None:
        """Run any step of the scenario vocabulary."""
        self.run(self._context.step(step))

    @property
    def context(self) -> Context:
        """Everything: machine, guest, journal."""
        return self._context

    @property
    def records(self) -> Sequence[Record]:
        """The journal's records so far, without register accesses and other bulk."""
        return self._context.journal.records

    def plug(self, device: str) -> None:
        """Plug a device of the topology in; returns when the guest has started it."""
        self.step(Plug(device))

    def unplug(self, device: str, vetoed: bool = False) -> None:
        """Ask the guest to give a device up; with `vetoed` the guest is expected to refuse."""
        self.step(Unplug(device, vetoed))

    def yank(self, device: str) -> None:
        """Pull a device out without warning; returns when the guest has noticed."""
        self.step(Yank(device))

    def suspend(self, state: Literal["S1", "S3"] = "S3") -> None:
        """Put the guest to sleep."""
        self.step(Standby() if state == "S1" else Suspend())

    def resume(self) -> None:
        """Wake it; returns when the guest has its devices again."""
        self.step(Resume())

    def work(self, jobs: int, client: int = 1) -> None:
        """Wait until the hardware has finished this many more jobs of a client."""
        self.step(Work(jobs, client))

    def exercise(self, driver: str, pattern: str | None = None) -> None:
        """Make a driver work its hardware flat out whenever it has power."""
        self.step(Exercise(driver, pattern=pattern))

    def exercise_status(self, driver: str) -> ExerciseStatus:
        """What a driver's exerciser has done."""

        async def ask() -> ExerciseStatus:
            instance = await self._context.instance(driver)
            return await self._context.ask(self._context.ctl.exercise_status(instance), f"exercise {driver} status")

        return self.run(ask())

    def hold(self, driver: str) -> None:
        """Open a driver's device and keep it open."""
        self.step(Hold(driver))

    def release(self, driver: str) -> None:
        """Close what `hold` opened."""
        self.step(Release(driver))

    def devices(self) -> list[GuestDevice]:
        """The guest's devnodes."""
        return self.run(self._context.devices())

    def buddyctl(self, *arguments: str) -> dict[str, Any]:
        """Run any verb of buddyctl; returns its JSON, raises BuddyctlFailed."""
        return self.run(self._context.ask(self._context.ctl.run(*arguments), f"buddyctl {' '.join(arguments)}"))

    def qmp(self, command: str, **arguments: object) -> Any:
        """Run any QMP command."""
        return self.run(self._context.machine.execute(command, arguments))

    def record(self, limit: float = GUEST_ANSWER_SECONDS, since: int = 0, **wanted: object) -> Record:
        """Wait for a journal record with these values, such as `kind="trace", line="owner start"`."""
        what = "the journal record " + ", ".join(f"{key} {value}" for key, value in wanted.items())
        return self.run(self._context.alarm.guard(self._context.journal.expect(wanted, since), what, limit))

# SPDX-License-Identifier: MIT
"""exercise, work, hold, release, buddyctl: what the guest is made to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.base.errors import HarnessError
from orchestrator.base.strict_yaml import Node
from orchestrator.guest.buddyctl import BuddyctlFailed

if TYPE_CHECKING:
    from orchestrator.scenario.context import Context
    from orchestrator.scenario.model import Step

WORK_SECONDS = 10.0
BORROWER_CLIENT = 1


@dataclass(frozen=True)
class Exercise:
    """Make a driver exercise the hardware of all its devices flat out whenever it has power, or stop it."""

    driver: str
    start: bool = True
    pattern: str | None = None
    # When it stops: the operations that each device must have done.
    least: int = 0

    @property
    def title(self) -> str:
        return f"{self.driver} {'starts' if self.start else 'stops'} exercising"

    async def run(self, context: Context) -> None:
        instances = await context.instances(self.driver)
        if self.start and not instances:
            context.fail("no-device", f"the guest has no device of driver {self.driver}")
        if self.start:
            context.exercising.add(self.driver)
            for instance in instances:
                await context.ask(context.ctl.exercise_start(instance, self.pattern), f"exercise {self.driver} start")
            return
        context.exercising.discard(self.driver)
        for instance in instances:
            await self._stop(context, instance)

    async def _stop(self, context: Context, instance: str) -> None:
        status = await context.ask(context.ctl.exercise_stop(instance), f"exercise {self.driver} stop")
        if status.errors and not context.errors_explained:
            context.fail(
                "exercise-errors",
                f"{self.driver}'s exerciser saw {status.errors} wrong results in {status.operations} operations, "
                "and no surprise removal explains them",
                driver=self.driver,
            )
        if status.operations < self.least:
            context.fail(
                "exercise-idle",
                f"{instance}: {status.operations} operations were done, but {self.least} were expected at least",
                driver=self.driver,
            )


@dataclass(frozen=True)
class Work:
    """Wait until the hardware has finished some more jobs of a client: work is really going on."""

    jobs: int
    client: int = BORROWER_CLIENT

    @property
    def title(self) -> str:
        return f"client {self.client} finishes {self.jobs} jobs"

    async def run(self, context: Context) -> None:
        wanted = {"client": self.client, "event": "done"}
        what = f"{self.jobs} jobs of client {self.client} to finish"
        await context.alarm.guard(context.journal.expect_bulk("job", wanted, self.jobs), what, WORK_SECONDS)


@dataclass(frozen=True)
class Hold:
    """Open a driver's device and keep it open."""

    driver: str

    @property
    def title(self) -> str:
        return f"open {self.driver} and keep it open"

    async def run(self, context: Context) -> None:
        instance = await context.instance(self.driver)
        context.handles[self.driver] = await context.ask(context.ctl.hold(instance), f"hold {self.driver}")


@dataclass(frozen=True)
class Release:
    """Close what `hold` opened."""

    driver: str

    @property
    def title(self) -> str:
        return f"close {self.driver}"

    async def run(self, context: Context) -> None:
        if self.driver not in context.handles:
            raise HarnessError(f"the scenario closes {self.driver}, but nothing opened it: `hold: {self.driver}` must come first")
        handle = context.handles.pop(self.driver)
        await context.ask(context.ctl.release(handle), f"release {self.driver}")


@dataclass(frozen=True)
class RunBuddyctl:
    """Run any verb; check its exit code and what its JSON must contain."""

    arguments: tuple[str, ...]
    exit_code: int = 0
    answer: Mapping[str, Any] | None = None
    # False: what it answers is not waited for.
    wait: bool = True

    @property
    def title(self) -> str:
        return f"buddyctl {' '.join(self.arguments)}"

    async def run(self, context: Context) -> None:
        if not self.wait:
            await context.ask(context.ctl.start(*self.arguments), self.title)
            return
        try:
            got = await context.ask(context.ctl.run(*self.arguments), self.title)
        except BuddyctlFailed as failed:
            if failed.exit_code != self.exit_code:
                context.fail("buddyctl", f"{failed} (exit code {self.exit_code} was expected)")
            return
        if self.exit_code != 0:
            context.fail("buddyctl", f"{self.title} succeeded, but exit code {self.exit_code} was expected")
        for key, value in (self.answer or {}).items():
            if got.get(key) != value:
                context.fail("buddyctl", f"{self.title}: {key} is {got.get(key)!r}, but {value!r} was expected")


def parse_exercise(node: Node) -> Exercise:
    """`exercise: toaster` or `exercise: {driver: toaster, do: stop, pattern: jobs, least: 10}`."""
    if node.kind == "value":
        return Exercise(node.text())
    node.only("driver", "do", "pattern", "least")
    do, pattern, least = node.get("do"), node.get("pattern"), node.get("least")
    start = do is None or do.choice("start", "stop") == "start"
    if least and start:
        least.fail("least belongs to `do: stop`: it says what must have been done by then")
    return Exercise(node.need("driver").text(), start, pattern.text() if pattern else None, least.whole(1) if least else 0)


def parse_work(node: Node) -> Work:
    """`work: 5` (jobs of the borrower) or `work: {jobs: 5, client: 0}`."""
    if node.kind == "value":
        return Work(node.whole(1))
    node.only("jobs", "client")
    client = node.get("client")
    return Work(node.need("jobs").whole(1), client.whole() if client else BORROWER_CLIENT)


def parse_buddyctl(node: Node) -> RunBuddyctl:
    """`buddyctl: [rescan]` or `buddyctl: {run: [eject, owner], exit: 4, answer: {…}}`, or with `wait: false`."""
    if node.kind == "list":
        return RunBuddyctl(tuple(entry.text() for entry in node.items()))
    node.only("run", "exit", "answer", "wait")
    exit_code, answer, wait = node.get("exit"), node.get("answer"), node.get("wait")
    return RunBuddyctl(
        tuple(entry.text() for entry in node.need("run").items()),
        exit_code.whole() if exit_code else 0,
        answer.plain() if answer else None,
        wait.flag() if wait else True,
    )


PARSERS: dict[str, Callable[[Node], Step]] = {
    "exercise": parse_exercise,
    "work": parse_work,
    "hold": lambda node: Hold(node.text()),
    "release": lambda node: Release(node.text()),
    "buddyctl": parse_buddyctl,
}

# SPDX-License-Identifier: MIT
"""Waiting that cannot be endless and does not outlive its point.

Every wait of a scenario goes through `Alarm.guard`: it names what it waits for, has a limit, and ends at once when
something already decided the scenario (the guest panicked, QEMU exited, an invariant broke).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from orchestrator.base.verdict import Finding, ScenarioFailed

T = TypeVar("T")

MOST_FINDINGS = 50
_CANCEL_AGAIN_SECONDS = 0.5


class WaitExpired(Exception):
    """A wait reached its limit. Whether that is a hang or a refusal is for the runner to find out."""

    def __init__(self, what: str, limit: float) -> None:
        super().__init__(f"waited {limit:g} s for {what}, which did not come")
        self.what = what
        self.limit = limit


class Alarm:
    """The first finding that decides a scenario; later ones are kept too."""

    def __init__(self, patient: bool = False) -> None:
        """A patient alarm knows no limits: somebody looks at the guest with a debugger."""
        self.patient = patient
        # No wait that begins from now on lasts longer than so many seconds.
        self.most: float | None = None
        self.findings: list[Finding] = []
        # Whoever waits for the first finding.
        self._waiters: set[asyncio.Future[None]] = set()

    def raise_(self, finding: Finding) -> None:
        """Record a finding and end every guarded wait. The first one is the scenario's reason; of many the first are kept."""
        if not self.full:
            self.findings.append(finding)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def full(self) -> bool:
        """So much is wrong already that further findings are not kept."""
        return len(self.findings) >= MOST_FINDINGS

    def check(self) -> None:
        """Raise ScenarioFailed if something already decided the scenario."""
        if self.findings:
            raise ScenarioFailed(self.findings[0])

    def clear(self) -> list[Finding]:
        """Forget the findings and return them; for an interactive session, which goes on."""
        findings, self.findings = self.findings, []
        return findings

    async def raised(self) -> None:
        """Returns once a finding is there."""
        waiter = self._waiter()
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _waiter(self) -> asyncio.Future[None]:
        """Done once a finding is there; to be discarded."""
        waiter = asyncio.get_running_loop().create_future()
        if self.findings:
            waiter.set_result(None)
        self._waiters.add(waiter)
        return waiter

    async def guard(self, work: Coroutine[Any, Any, T], what: str, limit: float) -> T:
        """The result of `work`, awaited for at most `limit` seconds, or for `most` if that is less.

        Raises WaitExpired naming `what`, or ScenarioFailed as soon as the alarm is raised; `work` is cancelled then.
        """
        limit = limit if self.most is None else min(limit, self.most)
        # A future, not a task: of waits there are many, and each task that has to be ended costs two rounds of the loop.
        task, alarm = asyncio.ensure_future(work), self._waiter()
        try:
            either: set[asyncio.Future[Any]] = {task, alarm}
            await asyncio.wait(either, timeout=None if self.patient else limit, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self.check()
            raise WaitExpired(what, limit)
        finally:
            self._waiters.discard(alarm)
            await _end(task)


async def _end(task: asyncio.Future[Any]) -> None:
    """Cancel until it has ended: a cancellation may be lost (asyncio.wait_for, when what it waits for comes at the same time)."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_AGAIN_SECONDS)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody complains that it was not

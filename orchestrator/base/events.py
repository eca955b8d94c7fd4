# SPDX-License-Identifier: MIT
"""What happens during a run, as events. Console, log and reports subscribe; nobody who emits knows who listens."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """Something happened; `at` is the host's monotonic time in seconds."""

    scenario: str
    at: float = field(default_factory=time.monotonic, kw_only=True)


@dataclass(frozen=True)
class ScenarioStarted(Event):
    """A VM is about to be started for the scenario."""


@dataclass(frozen=True)
class WaitsForDebugger(Event):
    """The machine stands still until gdb is attached, by this command."""

    command: str


@dataclass(frozen=True)
class StepStarted(Event):
    """A step of the scenario begins. `depth` is 0 for the scenario's own steps, more inside `repeat`."""

    title: str
    depth: int = 0


@dataclass(frozen=True)
class StepFinished(Event):
    """A step ended; `error` is its failure in one sentence."""

    title: str
    seconds: float
    error: str | None = None
    depth: int = 0


@dataclass(frozen=True)
class ScenarioFinished(Event):
    """The scenario has its verdict; nothing of its VM is left."""

    verdict: str
    seconds: float
    reason: str | None = None


class EventBus:
    """Hands every event to every subscriber, in order, at once."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Event], None]] = []

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """`subscriber` is called for every later event; it must return quickly."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Tell all subscribers."""
        for subscriber in self._subscribers:
            subscriber(event)

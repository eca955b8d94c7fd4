# SPDX-License-Identifier: MIT
"""What things cost: measurements on real machines, each with the aim that it is held against. Nothing here asserts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.base.paths import build_dir
from orchestrator.base.verdict import Verdict
from orchestrator.runner.run import run_scenarios
from orchestrator.scenario.context import Context
from orchestrator.scenario.execution import Bench, Options, booted
from orchestrator.scenario.model import Scenario, Suite
from orchestrator.scenario.steps.hotplug import Plug, Unplug
from orchestrator.scenario.steps.power import Resume, Suspend

MEASURE_SECONDS = 20.0
# Guest memory that is tried, from what is plenty to what is too little.
MEMORY_MIB = (64, 32, 24, 20, 16, 12)


@dataclass(frozen=True)
class Measurement:
    """Values of one kind, in `unit`. `aim` is the most that they are to be, or with `more` the least."""

    what: str
    unit: str
    values: Sequence[float]
    aim: float | None = None
    more: bool = False

    @property
    def median(self) -> float:
        """Half of the values are not greater."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """The median meets the aim; None when there is no aim."""
        return None if self.aim is None else (self.median >= self.aim if self.more else self.median <= self.aim)


def measuring(name: str, topology: str = "buddy") -> Scenario:
    """A scenario in which nobody works the hardware but the measurement."""
    return Scenario(name, "measurement", "bench", Path(), "testkernel", topology, [], journal_detail="events")


async def ready(context: Context) -> None:
    """Wait until all drivers have started and the agent answers."""
    await context.answering(0, "a sync after boot", MEASURE_SECONDS)
    await context.settled()


async def boots(bench: Bench, directory: Path, repeats: int) -> list[float]:
    """Milliseconds from before QEMU is started to all drivers started, as the agent tells."""
    times = []
    for number in range(repeats):
        place = directory / f"boot-{number}"
        place.mkdir(parents=True)
        started = time.monotonic()
        async with booted(bench, measuring("boot"), place) as context:
            await ready(context)
            times.append((time.monotonic() - started) * 1e3)
    return times


async def cycles(bench: Bench, directory: Path, repeats: int, cycle: Callable[[Context], Awaitable[None]]) -> list[float]:
    """Milliseconds of each of some cycles in one machine."""
    directory.mkdir(parents=True)
    times = []
    async with booted(bench, measuring(directory.name), directory) as context:
        await ready(context)
        for _ in range(repeats):
            started = time.monotonic()
            await cycle(context)
            times.append((time.monotonic() - started) * 1e3)
    return times


async def sleep_and_wake(context: Context) -> None:
    """One S3 cycle: from the request to sleep to the guest's answer that all devices are back."""
    await Suspend().run(context)
    await Resume().run(context)


async def unplug_and_plug(context: Context) -> None:
    """One plug cycle: orderly removal until the guest has settled, then hot-plug until the driver has started."""
    await Unplug("buddy0").run(context)
    await Plug("buddy0").run(context)


async def inside(bench: Bench, directory: Path, repeats: int) -> dict[str, list[float]]:
    """IRP round trips (`irp`) and interrupts (`interrupt`) a second, counted in the guest by images/testkernel/bench."""
    rates: dict[str, list[float]] = {"irp": [], "interrupt": []}
    package = build_dir() / "testkernel" / "bench"
    for number in range(repeats):
        place = directory / f"inside-{number}"
        place.mkdir(parents=True)
        scenario = replace(measuring("inside", "bench"), packages=(package,))
        async with booted(bench, scenario, place) as context:
            for what, values in rates.items():
                wanted = context.journal.expect({"kind": "trace", "line": f"bench {what}"}, 0)
                record = await context.alarm.guard(wanted, f"the guest's measurement of {what}s", MEASURE_SECONDS)
                values.append(_rate(str(record["line"])))
    return rates


def _rate(line: str) -> float:
    """Of `bench irp count=17600 us=200122`: a second."""
    facts = dict(word.split("=") for word in line.split() if "=" in word)
    return int(facts["count"]) * 1e6 / int(facts["us"])


async def smallest_memory(
    bench: Bench, suite: Suite, directory: Path, jobs: int, sizes: Iterable[int] = MEMORY_MIB
) -> tuple[float | None, int | None]:
    """Seconds that the suite takes with the first size, and the smallest of the falling sizes with which it passes.

    A size is tried twice: a loaded host, too, makes scenarios fail.
    """
    seconds: float | None = None
    smallest: int | None = None
    for size in sizes:
        for attempt in (1, 2):
            options = Options(memory_mib=size, dump=False)
            place = directory / f"suite-{size}-{attempt}"
            result = await run_scenarios(bench, suite, suite.scenarios, place, jobs, options)
            seconds = result.seconds if seconds is None else seconds
            if result.verdict is Verdict.PASSED:
                smallest = size
                break
        else:
            break
    return seconds, smallest

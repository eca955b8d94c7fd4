# SPDX-License-Identifier: MIT
"""The benchmark: what it measures is there, in units that make sense, and is held against its aims."""

from __future__ import annotations

import json

import pytest

from orchestrator.cli.bench import line
from orchestrator.runner.measure import Measurement
from tests.end_to_end.conftest import Command


@pytest.mark.image
def test_everything_is_measured(command: Command) -> None:
    ended = command("bench", "--no-suite", "--repeats", "2")
    assert ended.exit_code == 0, ended.output
    done = {each["what"]: each for each in json.loads((command.run / "bench.json").read_text())}
    assert [(each["unit"], len(each["values"]), each["aim"]) for each in done.values()] == [
        ("ms", 2, 150),
        ("ms", 2, 10),
        ("ms", 2, 30),
        ("/s", 2, None),
        ("/s", 2, None),
    ]
    assert all(name in ended.output for name in done)
    slowest = {"ms": 10_000, "/s": 10_000_000}
    least = {"ms": 0.5, "/s": 500}
    assert all(least[each["unit"]] < value < slowest[each["unit"]] for each in done.values() for value in each["values"])


@pytest.mark.parametrize(
    ("values", "more", "met", "shown"),
    [
        ([9.0, 10.0, 30.0], False, True, "9.0       10.0       30.0   10 ms"),
        ([9.0, 11.0, 30.0], False, False, "9.0       11.0       30.0   10 ms  (missed)"),
        ([9.0, 11.0, 30.0], True, True, "9.0       11.0       30.0   10 ms"),
    ],
)
def test_the_median_is_held_against_the_aim(values: list[float], more: bool, met: bool, shown: str) -> None:
    measurement = Measurement("a cycle", "ms", values, 10, more)
    assert measurement.met is met
    assert line(measurement) == f"{'a cycle, ms':<42} {shown:>{len(shown) + 7}}"

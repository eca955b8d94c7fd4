# SPDX-License-Identifier: MIT
"""System sleep with the real drivers: order over a device tree, devices that change meanwhile, a device that ends the sleep."""

from __future__ import annotations

import json

import pytest

from orchestrator.base.paths import repository
from tests.end_to_end.conftest import Command

pytestmark = pytest.mark.image

SUITE = """
defaults: {topology: buddy-and-fredbus, exercise: none, journal: events}
scenarios:
  tree:
    about: A bus with two children sleeps and wakes twice.
    steps:
      - plug: toaster0
      - plug: oven0
      - repeat: {times: 2, steps: [suspend, resume]}
"""


@pytest.mark.parametrize("seed", [[], ["--seed", "3"]], ids=["no-seed", "seed"])
def test_children_sleep_before_and_wake_after_their_parents(command: Command, seed: list[str]) -> None:
    """Microsoft, "System Set-Power IRPs": down from the leaves, up from the root; a child's S0 IRP only after its parent's D0."""
    ended = command("run", command.suite(SUITE), *seed)
    assert ended.exit_code == 0, ended.output
    journal = map(json.loads, (command.run / "tree" / "journal.jsonl").read_text().splitlines())
    traced = [record["line"] for record in journal if record["kind"] == "trace"]
    lines = [line.rpartition(" ")[0] for line in traced if "set-power" in line]
    bus, children = ("fredbus",), ("toaster", "oven")
    for state, before, after in (("S3", children, "fredbus"), ("S0", bus, "toaster"), ("S0", bus, "oven")):
        places = [number for number, line in enumerate(lines) if line == f"{after} set-power system={state}"]
        assert len(places) == 2, lines
        for sleep, place in enumerate(places):
            for driver in before:
                assert lines[:place].count(f"{driver} set-power system={state}") == sleep + 1, (driver, after, lines)
                # The device IRP that goes with it comes before the next level's system IRP.
                device = "D3" if state == "S3" else "D0"
                assert lines[:place].count(f"{driver} set-power device={device}") == sleep + 1, (driver, after, lines)


def test_devices_that_vanish_appear_or_are_swapped_during_sleep_and_one_that_ends_it(command: Command) -> None:
    mechanisms = str(repository() / "suites" / "mechanisms.yaml")
    ended = command("run", mechanisms, "--only", "device-*-while-asleep", "--only", "device-wakes-the-machine")
    assert ended.exit_code == 0, ended.output
    assert "4 of 4 passed" in ended.output


def test_s1_ends_by_the_power_button_or_the_device_and_nobody_touches_it_meanwhile(command: Command) -> None:
    """Each device follows its DeviceState[PowerSystemSleeping1], and from then on until D0 the journal has no access to it."""
    mechanisms = str(repository() / "suites" / "mechanisms.yaml")
    ended = command("run", mechanisms, "--only", "*standby*")
    assert ended.exit_code == 0, ended.output
    assert "3 of 3 passed" in ended.output
    for name, line in (("power-button", "kernel suspend system=S1"), ("device", "kernel pme bus=1 device=0 function=0 system=1")):
        text = (command.run / f"standby-ended-by-the-{name}" / "journal.jsonl").read_text()
        records = [json.loads(each) for each in text.splitlines()]
        lines = [record["line"] for record in records if record["kind"] == "trace"]
        assert len([each for each in lines if each.startswith(line)]) == 3, lines
        power = [(r["from"], r["to"]) for r in records if r["kind"] == "power" and r["cause"] == "pmcsr"]
        assert power == [("D0", "D3hot"), ("D3hot", "D0")] * 3
        assert any(record["kind"] == "read" for record in records), "the detail is too low"
        asleep = False
        for record in records:
            if record["kind"] == "power":
                asleep = record["to"] == "D3hot"
            assert not (asleep and record["dev"] == "buddy0" and record["kind"] in ("read", "write", "violation")), record

# SPDX-License-Identifier: MIT
"""Settings are numbers that the INF's AddReg stored: obeyed from the first start, and again when buddyctl changes one.

That each can be read, changed and kept is the scenario settings-of-the-inf (suites/mechanisms.yaml); here is what only
the whole journal shows, and the INF as the source.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir
from tests.end_to_end.conftest import Command

pytestmark = pytest.mark.image

SUITE = """
defaults: {{topology: buddy, exercise: none, journal: events}}
scenarios:
  one:
    about: Settings.
    steps:
{steps}
"""


def trace_lines(command: Command, *steps: str) -> list[str]:
    """Runs the steps, which must pass; the trace lines."""
    ended = command("run", command.suite(SUITE.format(steps="\n".join(f"      - {step}" for step in steps))))
    assert ended.exit_code == 0, ended.output
    records = map(json.loads, (command.run / "one" / "journal.jsonl").read_text().splitlines())
    return [record["line"] for record in records if record["kind"] == "trace"]


def with_inf(command: Command, folder: Path, driver: str, **settings: int) -> None:
    """Makes the command's image one whose INF of `driver` stores these numbers."""
    source = build_dir() / "images" / "testkernel" / "image.json"
    image = json.loads(source.read_text())
    inf = folder / f"{driver}.inf"
    text = Path(image["drivers"][driver]["inf"]).read_text()
    for name, value in settings.items():
        changed = [f"HKR,,{name},0x00010001,{value}" if line.startswith(f"HKR,,{name},") else line for line in text.splitlines()]
        assert changed != text.splitlines(), f"{driver}.inf stores no {name}"
        text = "\n".join(changed) + "\n"
    inf.write_text(text)
    image["drivers"][driver]["inf"] = str(inf)
    target = folder / "build" / "images" / "testkernel" / "image.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(image))
    (folder / "build" / "qemu-device").symlink_to(build_dir() / "qemu-device")
    command.build = folder / "build"


def test_trace_detail_silences_a_driver_and_gives_it_its_voice_back(command: Command) -> None:
    lines = trace_lines(
        command,
        'buddyctl: [settings, borrower, TraceDetail, "0"]',
        "exercise: borrower",
        "exercise: {driver: borrower, do: stop}",
        'buddyctl: [settings, borrower, TraceDetail, "1"]',
        "exercise: {driver: borrower, pattern: jobs}",
        "work: 3",
        "exercise: {driver: borrower, do: stop}",
    )
    exercising = [line for line in lines if line.startswith("borrower exercise-")]
    assert exercising == ["borrower exercise-start status=0x00000000 pattern=2", "borrower exercise-stop"]


def test_a_driver_that_was_installed_silent_says_nothing_at_all(command: Command, tmp_path: Path) -> None:
    with_inf(command, tmp_path, "borrower", TraceDetail=0, ExerciseAtStart=1)
    lines = trace_lines(command, "work: 3", "suspend", "resume", "work: 3")
    spoken = [line for line in lines if line.startswith("borrower ")]
    # Before AddDevice has read the setting there is no device, and so no setting.
    assert spoken in ([], ["borrower load"])


def test_mechanism_and_pattern_of_the_inf_are_used_from_the_first_start(command: Command, tmp_path: Path) -> None:
    with_inf(command, tmp_path, "borrower", Mechanism=2, ExercisePattern=3, ExerciseAtStart=1)
    lines = trace_lines(command, "wait: {journal: {kind: txn, client: 1, event: commit}, times: 3}")
    assert "borrower exercise-start status=0x00000000 pattern=3" in lines
    borrowed = [line for line in lines if line.startswith("borrower borrowed")]
    assert borrowed == ["borrower borrowed client=1 mechanism=2 device=1"]


def test_a_setting_that_makes_no_sense_counts_as_the_default(command: Command, tmp_path: Path) -> None:
    with_inf(command, tmp_path, "borrower", Mechanism=77)
    lines = trace_lines(command, "exercise: borrower", "work: 3")
    assert "borrower borrowed client=1 mechanism=0 device=1" in lines

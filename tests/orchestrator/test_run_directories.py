# SPDX-License-Identifier: MIT
"""Run directories: old ones go, failures stay longer, and nothing of others is ever touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.base.errors import BadInput
from orchestrator.cli.run import write_results
from orchestrator.runner import directory as directories
from orchestrator.runner.directory import new_run_directory, prune
from orchestrator.runner.result import RunResult

MARK = ".orchestrator-run"


def old_run(parent: Path, number: int, verdict: str | None = "passed") -> Path:
    """A finished run of the past; the higher its number the younger."""
    run = parent / f"20260101-0000{number:02}"
    run.mkdir()
    (run / MARK).write_text("made by orchestrator")
    os.utime(run / MARK, (number, number))
    if verdict:
        (run / "results.json").write_text(json.dumps({"verdict": verdict}))
    return run


def left(parent: Path) -> set[str]:
    return {each.name for each in parent.iterdir()}


def test_the_last_runs_and_the_last_failures_stay(tmp_path: Path) -> None:
    failed = {1, 3, 5, 9}
    runs = [old_run(tmp_path, number, "guest bugcheck" if number in failed else "passed") for number in range(10)]
    removed = prune(tmp_path, 3)
    assert left(tmp_path) == {runs[number].name for number in (3, 5, 7, 8, 9)}
    assert set(removed) == {runs[number] for number in (0, 1, 2, 4, 6)}


def test_a_new_run_makes_room_and_is_one_of_those_that_stay(tmp_path: Path) -> None:
    for number in range(5):
        old_run(tmp_path, number, None)
    new = new_run_directory(tmp_path, keep=3)
    assert left(tmp_path) == {"20260101-000003", "20260101-000004", new.name, "latest"}
    assert (tmp_path / "latest").resolve() == new.resolve()
    assert len(left(tmp_path)) == 4 and new_run_directory(tmp_path, keep=0).is_dir()
    assert "20260101-000003" in left(tmp_path)


def test_what_we_did_not_make_is_never_touched(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = old_run(elsewhere, 1)
    runs = tmp_path / "runs"
    runs.mkdir()
    unmarked = old_run(runs, 2)
    (unmarked / MARK).unlink()
    renamed = old_run(runs, 3).rename(runs / "the-one-with-the-bug")
    (runs / "20260101-000004").symlink_to(target)
    (runs / "20260101-000005").write_text("a file")
    assert prune(runs, 0) == []
    assert unmarked.is_dir() and renamed.is_dir() and target.is_dir() and len(left(runs)) == 4


def test_a_run_that_still_runs_stays(tmp_path: Path) -> None:
    code = f"from pathlib import Path; from orchestrator.runner.directory import *; new_run_directory(Path({str(tmp_path)!r}))"
    line = [sys.executable, "-c", f"{code}; print('made', flush=True); input()"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "made\n"
        assert prune(tmp_path, 0) == []
        other.communicate("\n")
    assert len(prune(tmp_path, 0)) == 1


def test_a_full_disk_is_told_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directories, "LEAST_FREE_BYTES", 1 << 62)
    with pytest.raises(BadInput, match=r"no space: .* MiB free, but a run needs"):
        new_run_directory(tmp_path / "runs")


@pytest.mark.parametrize("place", ["/proc/runs", "/dev/null/runs"])
def test_a_place_that_cannot_be_written_is_told(place: str) -> None:
    with pytest.raises(BadInput, match=f"cannot make a run directory in {place}"):
        new_run_directory(Path(place))


@pytest.mark.parametrize("file", ["results.json", "junit.xml", "report.html"])
def test_a_disk_that_fills_up_during_the_run_is_told_at_its_end(tmp_path: Path, file: str) -> None:
    (tmp_path / file).symlink_to("/dev/full")
    told = write_results(RunResult("suites/s.yaml", tmp_path, 1.0, {}, []), html=True)
    assert told and "the results are incomplete" in told and "No space left on device" in told


def test_results_that_can_be_written_are(tmp_path: Path) -> None:
    assert write_results(RunResult("suites/s.yaml", tmp_path, 1.0, {}, []), html=True) is None
    assert left(tmp_path) == {"results.json", "junit.xml", "report.html"}

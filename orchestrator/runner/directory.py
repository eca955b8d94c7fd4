# SPDX-License-Identifier: MIT
"""Run directories: a fresh one for each run, and old ones removed, but only those that we made and nobody will miss."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import IO

from orchestrator.base.errors import BadInput
from orchestrator.base.verdict import Verdict

# A scenario with a full journal writes 30 MB a second; below this a run is not even begun.
LEAST_FREE_BYTES = 1 << 30
KEEP_RUNS = 20

_NAME = re.compile(r"\d{8}-\d{6}(-\d+)?")
# In each directory that we made. Its maker holds a lock on it while it lives.
_MARK = ".orchestrator-run"
_held: list[IO[str]] = []


def new_run_directory(parent: Path, keep: int = KEEP_RUNS) -> Path:
    """A fresh directory `parent/<time>`; `parent/latest` leads to it. Raises BadInput when there is no space.

    Older runs are removed: of all runs the last `keep` stay, and of those that failed the last `keep`. 0 keeps everything.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        if keep:
            prune(parent, keep - 1)
        free = shutil.disk_usage(parent).free
        if free < LEAST_FREE_BYTES:
            raise BadInput(
                f"no space: {parent} has {free >> 20} MiB free, but a run needs {LEAST_FREE_BYTES >> 20} MiB",
                "Remove old runs, or choose another place with --runs DIRECTORY.",
            )
        directory = _fresh(parent)
        latest = parent / "latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(directory.name)
    except OSError as error:
        raise BadInput(f"cannot make a run directory in {parent}: {error.strerror or error}") from error
    return directory


def _fresh(parent: Path) -> Path:
    stamp, number = time.strftime("%Y%m%d-%H%M%S"), 0
    while True:
        directory = parent / (f"{stamp}-{number}" if number else stamp)
        try:
            directory.mkdir()
        except FileExistsError:
            number += 1
            continue
        mark = (directory / _MARK).open("w", encoding="utf-8")
        fcntl.flock(mark, fcntl.LOCK_EX)
        mark.write(f"made by orchestrator, process {os.getpid()}; it may be removed when it is old\n")
        mark.flush()
        _held.append(mark)
        return directory


def prune(parent: Path, keep: int) -> list[Path]:
    """Remove old runs in `parent`, except the last `keep`, the last `keep` that failed, and those that still run.

    Never touches what we did not make: a run has a time for its name and our mark inside. Returns what was removed.
    """
    runs = sorted(
        (each for each in parent.iterdir() if _NAME.fullmatch(each.name) and not each.is_symlink() and (each / _MARK).is_file()),
        key=lambda run: (run / _MARK).stat().st_mtime_ns,
    )
    failed = [run for run in runs if _failed(run)]
    kept = {*runs[::-1][:keep], *failed[::-1][:keep]}
    removed = [run for run in runs if run not in kept and not _in_use(run)]
    for run in removed:
        shutil.rmtree(run, ignore_errors=True)
    return removed


def _failed(run: Path) -> bool:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return bool(json.loads((run / "results.json").read_text(encoding="utf-8"))["verdict"] != Verdict.PASSED)
    return False


def _in_use(run: Path) -> bool:
    """Its maker lives: it holds the lock. A mark that cannot be opened is not ours to judge."""
    try:
        with (run / _MARK).open("r+", encoding="utf-8") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
    except OSError:
        return True

# SPDX-License-Identifier: MIT
"""Fixtures: journals made of records, and the real QEMU with our module where it is built."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.base.alarm import Alarm
from orchestrator.base.paths import build_dir
from orchestrator.base.verdict import Finding
from orchestrator.journal.follower import Journal
from orchestrator.journal.invariants import Invariants
from orchestrator.machine.module import QemuInstallation, find_qemu, fitting
from tests.orchestrator.journals import Records, lines


@pytest.fixture
def findings(tmp_path: Path) -> Callable[[Records], list[Finding]]:
    """What is found in a journal of these records, read as in a run."""

    def look(records: Records, allowed: frozenset[str] = frozenset()) -> list[Finding]:
        async def read() -> list[Finding]:
            alarm = Alarm()
            journal = Journal(tmp_path / "journal.jsonl", alarm, Invariants(allowed))
            (tmp_path / "journal.jsonl").write_bytes(lines(records))
            await journal.finish()
            journal.close()
            return alarm.findings

        return asyncio.run(read())

    return look


@pytest.fixture(scope="session")
def qemu() -> QemuInstallation:
    """The installed QEMU with the module that was built for it."""
    return asyncio.run(fitting(find_qemu(), build_dir() / "qemu-device"))

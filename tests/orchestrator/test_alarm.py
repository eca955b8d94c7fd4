# SPDX-License-Identifier: MIT
"""How long waits last: their own limit, less with a scenario's patience, without end for somebody with a debugger."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from orchestrator.base.alarm import Alarm, WaitExpired
from orchestrator.base.verdict import Finding, ScenarioFailed, Verdict
from orchestrator.scenario.loader import load_suite

SCENARIO = """
scenarios:
  one: {{about: x, topology: buddy, steps: [], {key}: {value}}}
"""


async def forever() -> None:
    await asyncio.Future()


def test_patience_shortens_a_wait_and_never_lengthens_it() -> None:
    async def wait() -> None:
        alarm = Alarm()
        alarm.most = 0.02
        with pytest.raises(WaitExpired, match=r"waited 0\.02 s for the moon"):
            await alarm.guard(forever(), "the moon", 10)
        with pytest.raises(WaitExpired, match=r"waited 0\.01 s for the sun"):
            await alarm.guard(forever(), "the sun", 0.01)

    asyncio.run(wait())


def test_work_that_loses_a_cancellation_is_ended_all_the_same() -> None:
    """asyncio.wait_for loses one before Python 3.12 when its answer comes at the same moment; a run then never ended."""

    async def loses_one() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await forever()
        await forever()

    async def wait() -> None:
        with pytest.raises(WaitExpired, match="the moon"):
            await asyncio.wait_for(Alarm().guard(loses_one(), "the moon", 0.01), 10)

    asyncio.run(wait())


def test_with_a_debugger_no_wait_ends_but_a_finding_still_ends_it() -> None:
    async def wait() -> None:
        alarm = Alarm(patient=True)
        waiting = asyncio.create_task(alarm.guard(forever(), "the moon", 0.01))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
        alarm.raise_(Finding(Verdict.GUEST_BUGCHECK, "bugcheck", "it stopped"))
        with pytest.raises(ScenarioFailed, match="it stopped"):
            await waiting

    asyncio.run(wait())


def test_a_scenario_says_how_patient_it_is(tmp_path: Path) -> None:
    file = tmp_path / "suite.yaml"
    file.write_text(SCENARIO.format(key="patience", value="4 s"))
    assert load_suite(file).scenarios[0].patience == 4.0
    file.write_text(SCENARIO.format(key="limit", value="9 s"))
    assert load_suite(file).scenarios[0].patience is None

# SPDX-License-Identifier: MIT
"""The agent's client and buddyctl, against a double that misbehaves on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from orchestrator.base.alarm import Alarm, WaitExpired
from orchestrator.base.errors import HarnessError
from orchestrator.guest.agent import Agent, AgentError
from orchestrator.guest.buddyctl import Buddyctl, BuddyctlFailed
from tests.orchestrator.fake_agent import Answer, FakeAgent, finished

T = TypeVar("T")


def talk(tmp_path: Path, answer: Answer, use: Callable[[Agent], Awaitable[T]], deaf_for: int = 0) -> tuple[T, FakeAgent]:
    async def run() -> tuple[T, FakeAgent]:
        agent = Agent(tmp_path / "agent", tmp_path / "agent.log")
        await agent.listen()
        double = FakeAgent(tmp_path / "agent", answer, deaf_for)
        task = asyncio.create_task(double.run())
        try:
            async with asyncio.timeout(5):
                return await use(agent), double
        finally:
            await agent.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return asyncio.run(run())


def answering(*answers: dict[str, Any] | None) -> Answer:
    queue = list(answers)
    return lambda message: queue.pop(0)


def test_a_sync_that_was_lost_during_boot_is_sent_again(tmp_path: Path) -> None:
    _, double = talk(tmp_path, answering(), lambda agent: agent.ready(), deaf_for=2)
    assert [m["arguments"]["id"] for m in double.received] == [3]


def test_an_error_is_raised_with_the_agents_words(tmp_path: Path) -> None:
    answer = answering({"error": {"class": "GenericError", "desc": "no such command"}})
    with pytest.raises(AgentError, match="no such command"):
        talk(tmp_path, answer, lambda agent: agent.execute("guest-frobnicate"))


def test_after_an_abandoned_command_its_late_answer_is_not_taken_for_the_next_one(tmp_path: Path) -> None:
    async def use(agent: Agent) -> Any:
        with pytest.raises(WaitExpired, match=r"waited 0\.05 s for the answer"):
            await Alarm().guard(agent.execute("slow"), "the answer", 0.05)
        return await agent.execute("quick")

    answers = {"slow": None, "quick": {"return": "mine"}}
    result, double = talk(tmp_path, lambda message: answers[message["execute"]], use)
    assert result == "mine"
    assert [m["execute"] for m in double.received][-2:] == ["guest-sync-delimited", "quick"]


def test_a_verb_is_polled_until_it_has_ended(tmp_path: Path) -> None:
    answer = answering({"return": {"pid": 7}}, {"return": {"exited": False}}, finished({"handle": 3}))
    handle, double = talk(tmp_path, answer, lambda agent: Buddyctl(agent).hold("owner"))
    assert handle == 3
    assert double.received[1]["arguments"] == {"path": "buddyctl.exe", "arg": ["hold", "owner"], "capture-output": True}


def test_a_veto_is_told_with_who_and_why(tmp_path: Path) -> None:
    veto = {
        "error": {"name": "STATUS_UNSUCCESSFUL", "code": 1, "message": "vetoed"},
        "veto": {"by": "owner", "reason": "outstanding-open"},
    }
    answer = answering({"return": {"pid": 7}}, finished(veto, exit_code=4))
    with pytest.raises(BuddyctlFailed, match="vetoed by owner, outstanding-open") as error:
        talk(tmp_path, answer, lambda agent: Buddyctl(agent).run("eject", "owner"))
    assert error.value.exit_code == 4


def test_pipes_that_cannot_be_made_are_a_clear_error(tmp_path: Path) -> None:
    async def listen() -> None:
        await Agent(tmp_path / "missing" / "agent", tmp_path / "log").listen()

    with pytest.raises(HarnessError, match="cannot create the agent's pipes"):
        asyncio.run(listen())

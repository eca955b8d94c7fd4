# SPDX-License-Identifier: MIT
"""buddyctl's verbs, run in the guest by guest-exec. The same on every guest: docs/guest-interface.md."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.guest.agent import Agent

# guest-exec-status has no event: it must be asked. The first answers come at once on the test kernel; a guest
# with a real process to start is asked less and less often.
_POLL_SECONDS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)

EXIT_VETOED = 4


class BuddyctlFailed(Exception):
    """A verb ended with an exit code other than 0."""

    def __init__(self, arguments: tuple[str, ...], exit_code: int, answer: Mapping[str, Any]) -> None:
        error = answer.get("error", {})
        veto = answer.get("veto")
        text = f"buddyctl {' '.join(arguments)}: exit code {exit_code}: {error.get('name')}: {error.get('message')}"
        super().__init__(text + (f" (vetoed by {veto.get('by')}, {veto.get('reason')})" if veto else ""))
        self.exit_code = exit_code
        self.error_name = str(error.get("name"))
        self.veto = veto


@dataclass(frozen=True)
class GuestDevice:
    """A devnode as the guest sees it."""

    instance: str
    parent: str | None
    hardware_ids: tuple[str, ...]
    service: str | None
    description: str
    started: bool
    problem: int
    problem_name: str | None
    compatible_ids: tuple[str, ...] = ()

    def has_id(self, ids: Collection[str]) -> bool:
        """One of its hardware or compatible ids is among these (in capitals): an INF with them fits the device."""
        return any(id.upper() in ids for id in (*self.hardware_ids, *self.compatible_ids))

    @property
    def label(self) -> str:
        """`owner (PCI\\VEN_…)`, for messages."""
        return f"{self.service} ({self.instance})" if self.service else self.instance


@dataclass(frozen=True)
class ExerciseStatus:
    """What a driver's exerciser has done."""

    running: bool
    powered: bool
    operations: int
    errors: int
    power_ups: int
    power_downs: int


class Buddyctl:
    """The verbs as methods. No limits here: guard the calls."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def start(self, *arguments: str) -> int:
        """Start any verb and do not wait for its end; returns the process id."""
        started = await self._agent.execute(
            "guest-exec", {"path": "buddyctl.exe", "arg": list(arguments), "capture-output": True}
        )
        return int(started["pid"])

    async def run(self, *arguments: str) -> dict[str, Any]:
        """Run any verb; returns its JSON, raises BuddyctlFailed for an exit code other than 0."""
        return await self.ended(await self.start(*arguments), *arguments)

    async def ended(self, pid: int, *arguments: str) -> dict[str, Any]:
        """Wait for the end of a verb that was started with these arguments; otherwise as `run`."""
        polls = 0
        while True:
            status = await self._agent.execute("guest-exec-status", {"pid": pid})
            if status["exited"]:
                break
            await asyncio.sleep(_POLL_SECONDS[min(polls, len(_POLL_SECONDS) - 1)])
            polls += 1
        output = base64.b64decode(status.get("out-data", "")).decode(errors="replace").strip()
        answer: dict[str, Any] = json.loads(output) if output else {}
        exit_code = int(status.get("exitcode", 0))
        if exit_code != 0:
            raise BuddyctlFailed(arguments, exit_code, answer)
        return answer

    async def devices(self, phantoms: bool = False, brief: bool = False) -> list[GuestDevice]:
        """All devnodes; those not present too, if asked. A brief answer, without ids, comes several times sooner."""
        answer = await self.run("devices", *(["--all"] if phantoms else ["--brief"] if brief else []))
        return [
            GuestDevice(
                entry["instance"],
                entry.get("parent"),
                tuple(entry.get("hardware_ids", ())),
                entry.get("service"),
                entry.get("description") or "",
                bool(entry["started"]),
                int(entry["problem"]),
                entry.get("problem_name"),
                tuple(entry.get("compatible_ids", ())),
            )
            for entry in answer["devices"]
        ]

    async def exercise_start(self, instance: str, pattern: str | None = None) -> ExerciseStatus:
        """Make the driver exercise its hardware flat out, whenever it has power."""
        return _exercise(await self.run("exercise", instance, "start", *([pattern] if pattern else [])))

    async def exercise_stop(self, instance: str) -> ExerciseStatus:
        """Stop the exerciser; returns when it no longer touches the hardware."""
        return _exercise(await self.run("exercise", instance, "stop"))

    async def exercise_status(self, instance: str) -> ExerciseStatus:
        """What the exerciser has done so far."""
        return _exercise(await self.run("exercise", instance, "status"))

    async def hold(self, instance: str) -> int:
        """Open the device and keep it open; returns the handle's number."""
        return int((await self.run("hold", instance))["handle"])

    async def release(self, handle: int) -> None:
        """Close a handle of `hold`."""
        await self.run("release", str(handle))


def _exercise(answer: Mapping[str, Any]) -> ExerciseStatus:
    return ExerciseStatus(
        bool(answer["running"]),
        bool(answer["powered"]),
        int(answer["operations"]),
        int(answer["errors"]),
        int(answer["power_ups"]),
        int(answer["power_downs"]),
    )

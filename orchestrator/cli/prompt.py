# SPDX-License-Identifier: MIT
"""The commands of `orchestrator boot`'s prompt. Each is one method named do_<command>."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Awaitable, Callable

from orchestrator.base.alarm import WaitExpired
from orchestrator.base.errors import BadInput, OrchestratorError
from orchestrator.base.strict_yaml import nearest
from orchestrator.base.verdict import ScenarioFailed
from orchestrator.guest.agent import AgentError
from orchestrator.guest.buddyctl import BuddyctlFailed
from orchestrator.journal.record import describe
from orchestrator.machine.qmp import QmpRefused
from orchestrator.scenario.context import Context
from orchestrator.scenario.steps.guest_work import Exercise
from orchestrator.scenario.steps.hotplug import Plug, Unplug, Yank
from orchestrator.scenario.steps.power import Resume, Standby, Suspend
from orchestrator.scenario.steps.update import Update


class Usage(OrchestratorError):
    """The command was not written as it must be."""


class Prompt:
    """Runs one line at a time against a booted machine."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.ended = False

    @classmethod
    def commands(cls) -> list[str]:
        """The names of all commands."""
        return [name.removeprefix("do_") for name in vars(cls) if name.startswith("do_")]

    async def run_line(self, line: str) -> bool:
        """Run a line and print what came of it; False when it failed."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            print(f"cannot read this: {error}")
            return False
        if not words:
            return True
        name, *arguments = words
        known = self.commands()
        if name not in known:
            print(f"unknown command {name!r}{nearest(name, known)} Commands: {', '.join(known)}")
            return False
        command: Callable[..., Awaitable[None]] = getattr(self, f"do_{name}")
        started = time.monotonic()
        good = True
        try:
            await command(*arguments)
        except TypeError as error:
            if "positional argument" not in str(error):
                raise
            print(f"usage: {(command.__doc__ or '').partition(':')[0]}")
            good = False
        except (ScenarioFailed, WaitExpired, BuddyctlFailed, AgentError, QmpRefused, OrchestratorError) as error:
            print(f"failed: {error}")
            good = False
        else:
            print(f"ok ({(time.monotonic() - started) * 1e3:.0f} ms)", flush=True)
        for finding in self._context.alarm.clear():
            good = False
            print(f"!! {finding.verdict}: {finding.reason}", flush=True)
            if finding.name in ("bugcheck", "qemu-exit"):
                self._crash()
        return good

    def _crash(self) -> None:
        report = self._context.guest.crash_report(self._context.machine.files.console)
        if report:
            print(report.sentence)
            print(report.details.get("console", ""))

    async def do_plug(self, device: str) -> None:
        """plug DEVICE: plug a device of the topology in"""
        await Plug(device).run(self._context)

    async def do_unplug(self, device: str) -> None:
        """unplug DEVICE: ask the guest to give the device up"""
        await Unplug(device).run(self._context)

    async def do_yank(self, device: str) -> None:
        """yank DEVICE: pull the device out without asking"""
        await Yank(device).run(self._context)

    async def do_suspend(self, state: str = "S3") -> None:
        """suspend [S1]: put the guest to sleep (S3, unless it is to be S1)"""
        if state not in ("S1", "S3"):
            raise BadInput(f"suspend takes S1 or S3, not {state!r}")
        await (Standby() if state == "S1" else Suspend()).run(self._context)

    async def do_resume(self) -> None:
        """resume: wake the machine"""
        await Resume().run(self._context)

    async def do_exercise(self, driver: str, what: str = "start") -> None:
        """exercise DRIVER [start|stop|status]: make a driver work its hardware flat out"""
        if what == "status":
            instance = await self._context.instance(driver)
            print(await self._context.ask(self._context.ctl.exercise_status(instance), "exercise status"))
        elif what in ("start", "stop"):
            await Exercise(driver, what == "start").run(self._context)
        else:
            raise Usage(f"exercise: start, stop or status was expected, but {what!r} came")

    async def do_update(self, driver: str, how: str = "") -> None:
        """update DRIVER [force]: replace a running driver by one whose package was given with --package"""
        if how not in ("", "force"):
            raise Usage(f"update: force was expected, but {how!r} came")
        await Update(driver, how == "force").run(self._context)

    async def do_status(self) -> None:
        """status: what QEMU, the guest and the journal say now"""
        machine, journal = self._context.machine, self._context.journal
        print(f"machine   {machine.life.state}, QEMU process {machine.process.pid}")
        print(f"hardware  {', '.join(sorted(machine.present)) or 'none'} (topology: {', '.join(machine.topology.devices)})")
        print(f"journal   {journal.count} records in {journal.path}")
        if machine.life.state == "running":
            different = self._context.unsettled(await self._context.devices())
            print("guest     " + ("; ".join(different) or "has started exactly the devices that are there"))

    async def do_devices(self) -> None:
        """devices: the guest's devnodes"""
        for device in await self._context.devices():
            state = "started" if device.started else "not started"
            problem = f", problem {device.problem} {device.problem_name}" if device.problem else ""
            print(f"{device.service or '-':<12} {state}{problem}  {device.instance}")

    async def do_journal(self, count: str = "20") -> None:
        """journal [N]: the last records, register accesses left out"""
        for record in self._context.journal.records[-int(count) :]:
            print(describe(record))

    async def do_buddyctl(self, *arguments: str) -> None:
        """buddyctl VERB…: run a verb in the guest"""
        print(json.dumps(await self._context.ask(self._context.ctl.run(*arguments), "buddyctl"), indent=2))

    async def do_qmp(self, name: str, arguments: str = "{}") -> None:
        """qmp COMMAND [JSON]: send QEMU a command"""
        try:
            parsed = json.loads(arguments)
        except ValueError as error:
            raise Usage(f"qmp: the arguments are no JSON: {error}") from error
        print(json.dumps(await self._context.machine.execute(name, parsed), indent=2))

    async def do_wait(self) -> None:
        """wait: until the guest answers and has started the devices that are there"""
        await self._context.answering(0, "a sync", 20)
        await self._context.settled()

    async def do_help(self) -> None:
        """help: this list"""
        for name in self.commands():
            usage, _, what = (getattr(self, f"do_{name}").__doc__ or "").partition(": ")
            print(f"  {usage:<42} {what}")

    async def do_quit(self) -> None:
        """quit: end the machine"""
        self.ended = True

# SPDX-License-Identifier: MIT
"""Carries out one scenario in a VM of its own: boot, steps, final checks, evidence, teardown."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.base.alarm import Alarm, WaitExpired
from orchestrator.base.errors import HarnessError
from orchestrator.base.events import EventBus, WaitsForDebugger
from orchestrator.base.verdict import Finding, ScenarioFailed, Verdict
from orchestrator.guest import gdb
from orchestrator.guest.agent import Agent, AgentError
from orchestrator.guest.buddyctl import BuddyctlFailed
from orchestrator.guest.guest import BootRequest, Guest
from orchestrator.journal.follower import Journal
from orchestrator.journal.invariants import Invariants
from orchestrator.machine.accelerator import Accelerator
from orchestrator.machine.command import DEFAULT_MEMORY_MIB, GdbServer, MachineConfig, MachineFiles
from orchestrator.machine.machine import Machine
from orchestrator.machine.module import QemuInstallation
from orchestrator.machine.process import shown
from orchestrator.machine.qmp import QmpRefused
from orchestrator.machine.topology import load_topology
from orchestrator.scenario import evidence
from orchestrator.scenario.context import Context
from orchestrator.scenario.model import Scenario
from orchestrator.scenario.steps.guest_work import Exercise
from orchestrator.scenario.steps.update import packages

READY_SECONDS = 20.0


@dataclass(frozen=True)
class Bench:
    """What all scenarios of a run share."""

    qemu: QemuInstallation
    accelerator: Accelerator
    guest: Guest
    bus: EventBus = field(default_factory=EventBus)


@dataclass(frozen=True)
class Options:
    """How a machine is to differ from what its scenario says; for people who debug."""

    gdb: GdbServer | None = None
    log: str = "info"
    # Keep the guest's memory when it stopped or hangs, unless that was expected.
    dump: bool = True
    seed: int | None = None
    # More arguments for QEMU, such as `-icount shift=0,sleep=off` or `-d int`.
    qemu_arguments: tuple[str, ...] = ()
    # More options of the guest's kernel, such as `power-watchdog=60` (docs/testkernel.md).
    kernel_arguments: tuple[str, ...] = ()
    memory_mib: int | None = None


def prepare(bench: Bench, scenario: Scenario, options: Options) -> MachineConfig:
    """The machine's configuration for a scenario. Raises BadInput (a driver that the image does not have)."""
    guest = guest_of(bench, scenario)
    drivers, updates = installed(guest, scenario), packages(scenario.steps)
    request = BootRequest(drivers, scenario.first, options.seed, options.log, updates, options.kernel_arguments)
    return MachineConfig(
        bench.qemu,
        bench.accelerator.name,
        load_topology(scenario.topology, scenario.variables),
        guest.qemu_arguments(request),
        memory_mib=options.memory_mib or DEFAULT_MEMORY_MIB,
        journal_detail=scenario.journal_detail,
        gdb=options.gdb,
        extra=options.qemu_arguments,
    )


def guest_of(bench: Bench, scenario: Scenario) -> Guest:
    """The bench's guest with the scenario's own driver packages. Raises BadInput for a package that it cannot take."""
    return bench.guest.with_packages(scenario.packages)


def installed(guest: Guest, scenario: Scenario) -> tuple[str, ...]:
    """The drivers that the scenario installs: the correct ones, with its replacements."""
    return tuple(scenario.replace.get(driver, driver) for driver in guest.drivers())


@contextlib.asynccontextmanager
async def private_directory() -> AsyncIterator[Path]:
    """A directory for sockets that only this user can enter (0700); its path is short, as socket paths must be."""
    path = Path(tempfile.mkdtemp(prefix="orchestrator-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.asynccontextmanager
async def booted(bench: Bench, scenario: Scenario, directory: Path, options: Options | None = None) -> AsyncIterator[Context]:
    """A running VM with the agent connecting. Whatever happens inside, nothing of the VM is left afterwards.

    Findings of the journal's last records, read after the end, are on the context's alarm.
    """
    options = options or Options()
    alarm, guest = Alarm(patient=options.gdb is not None), guest_of(bench, scenario)
    async with private_directory() as private:
        config = prepare(bench, scenario, options)
        files = MachineFiles(directory, private)
        machine = Machine(config, files, alarm)
        (directory / "command.txt").write_text(
            shown(machine.process.command, machine.process.environment) + "\n", encoding="utf-8"
        )
        agent = Agent(files.agent, directory / "agent.log")
        journal = Journal(files.journal, alarm, Invariants(scenario.allowed_rules))
        follower: asyncio.Task[None] | None = None
        try:
            await agent.listen()
            follower = asyncio.create_task(_follow(journal, alarm))
            await machine.start()
            context = Context(
                scenario.name,
                machine,
                guest,
                agent,
                journal,
                alarm,
                bench.bus,
                installed(guest, scenario),
            )
            if options.gdb:
                context.debugger = _debugger(context, options.gdb)
                bench.bus.emit(WaitsForDebugger(scenario.name, context.debugger))
            yield context
        finally:
            await _end(machine, agent, journal, follower)


def _debugger(context: Context, server: GdbServer) -> str:
    """Write the script that attaches gdb (debug.gdb); returns the command."""
    files = context.machine.files
    script = context.guest.live_script(server.address(files), context.drivers)
    if script is None:
        return f"gdb -ex 'target remote {server.address(files)}'"
    path = files.run.absolute() / "debug.gdb"
    path.write_text(script, encoding="utf-8")
    return gdb.command(path)


async def _follow(journal: Journal, alarm: Alarm) -> None:
    try:
        await journal.follow()
    except Exception as error:
        alarm.raise_(Finding(Verdict.HARNESS_ERROR, "journal-reader", f"reading the journal failed: {error!r}"))


async def _end(machine: Machine, agent: Agent, journal: Journal, follower: asyncio.Task[None] | None) -> None:
    try:
        await machine.stop()
    finally:
        # Also when we are cancelled a second time while QEMU takes its time to end.
        machine.process.kill()
        if follower:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
        await agent.close()
        await journal.finish(machine.process.ended_in_order)
        journal.close()


async def execute(bench: Bench, scenario: Scenario, directory: Path, options: Options | None = None) -> list[Finding]:
    """Carry the scenario out in `directory`; returns what went wrong, the decisive one first. Raises only BadInput."""
    findings: list[Finding] = []
    alarm: Alarm | None = None
    wanted = options is None or options.dump
    try:
        async with booted(bench, scenario, directory, options) as context:
            alarm = context.alarm
            try:
                play = context.alarm.guard(_play(context, scenario), "the scenario to end", scenario.limit)
                findings = await outcome(context, play)
            finally:
                evidence.keep_steps(context)
            if findings:
                # An expected failure is a pass: nobody will look at its memory.
                expected = any(each.fits(findings[0]) for each in scenario.expected)
                findings = await evidence.collect(context, findings, dump=wanted and not expected)
    except HarnessError as error:
        findings.append(Finding(Verdict.HARNESS_ERROR, "harness", str(error)))
    except OSError as error:
        findings.append(Finding(Verdict.HARNESS_ERROR, "harness", _os_error(error, directory)))
    # Those that the alarm has beyond the one that ended the scenario, and those of the journal's end.
    findings += [f for f in (alarm.findings if alarm else []) if not any(_same(f, g) for g in findings)]
    return findings


def _same(one: Finding, other: Finding) -> bool:
    return (one.name, one.seq) == (other.name, other.seq)


def _os_error(error: OSError, directory: Path) -> str:
    free = shutil.disk_usage(directory).free if directory.exists() else 0
    return f"{error.strerror or error} ({error.filename or directory}; {free >> 20} MiB are free there)"


async def outcome(context: Context, work: Coroutine[Any, Any, None]) -> list[Finding]:
    """What is found when `work` is done in a running machine: nothing, or the one thing that ended it."""
    try:
        await work
        return []
    except ScenarioFailed as failed:
        finding = failed.finding
    except WaitExpired as expired:
        finding = await evidence.classify_expired(context, expired)
        # A crash may have been what made the wait expire: the alarm knows more.
        if finding.verdict is not Verdict.HANG and context.alarm.findings:
            finding = context.alarm.findings[0]
    except BuddyctlFailed as failed:
        finding = Finding(Verdict.DRIVER_FAILURE, "buddyctl", str(failed))
    except (AgentError, QmpRefused, HarnessError) as error:
        finding = Finding(Verdict.HARNESS_ERROR, "harness", str(error))
    if finding.name == "bugcheck":
        finding = await evidence.explain_bugcheck(context, finding)
    return [finding]


async def _play(context: Context, scenario: Scenario) -> None:
    async with context.part("boot"):
        await context.answering(0, "a sync after boot", READY_SECONDS)
        await context.settled()
    context.alarm.most = scenario.patience
    if scenario.exercise:
        await context.step(Exercise(scenario.exercise))
    for step in scenario.steps:
        await context.step(step)
    async with context.part("final checks"):
        await context.settled()
        for driver in sorted(context.exercising):
            await Exercise(driver, start=False).run(context)

# SPDX-License-Identifier: MIT
"""What is kept of a scenario that failed, collected before anything is torn down."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from orchestrator.base.alarm import WaitExpired
from orchestrator.base.verdict import Finding, Verdict
from orchestrator.guest.agent import AgentError
from orchestrator.guest.backtrace import with_sources
from orchestrator.guest.buddyctl import BuddyctlFailed
from orchestrator.guest.guest import CrashReport
from orchestrator.machine.states import MachineState
from orchestrator.scenario.context import Context
from orchestrator.scenario.memory import keep_memory

# A guest that has not answered for this long is taken to hang.
ALIVE_SECONDS = 2.0
# A guest answers an NMI in milliseconds; a loaded host may take its time, and the answer is worth waiting for.
NMI_SECONDS = 5.0
# The crash report is written just before the guest tells QEMU that it panicked; serial output may be a moment behind.
_REPORT_SECONDS = 2.0


async def classify_expired(context: Context, expired: WaitExpired) -> Finding:
    """Was it a hang, or does the guest live and just not do what it must? A hang is answered with an NMI."""
    if context.machine.life.state is MachineState.RUNNING and await _alive(context):
        reason = f"{expired}; the guest still answers"
        return Finding(Verdict.DRIVER_FAILURE, "timeout", reason)
    crashed = await context.machine.nmi(NMI_SECONDS)
    report = await _report(context) if crashed else None
    at = f" The NMI found it in {_where(report)}." if report and (report.location or report.driver) else ""
    facts: dict[str, Any] = {"driver": report.driver, **_places(report)} if report else {}
    answer = "answered the NMI" if crashed else "did not answer the NMI either"
    return Finding(Verdict.HANG, "hang", f"{expired}; the guest no longer answers, and {answer}.{at}", facts=facts)


def _where(report: CrashReport) -> str:
    what = report.reason.partition("; ")[2]
    return f"{report.location or report.driver}{f' ({report.source})' if report.source else ''}{f': {what}' if what else ''}"


def _places(report: CrashReport) -> dict[str, Any]:
    facts = {"source": report.source, "backtrace": list(report.backtrace)}
    return {key: value for key, value in facts.items() if value}


async def explain_bugcheck(context: Context, finding: Finding) -> Finding:
    """The finding with what the guest's crash report says."""
    report = await _report(context)
    if report is None:
        return finding
    facts = {"code": report.code, "bugcheck": report.name, "driver": report.driver, "at": report.location}
    return replace(finding, reason=report.sentence, facts={**finding.facts, **facts, **_places(report)})


async def _report(context: Context) -> CrashReport | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REPORT_SECONDS):
            while (report := context.guest.crash_report(context.machine.files.console)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # a file that QEMU writes: no event says when
            context.crash = await with_sources(report, context.guest.symbol_files(context.drivers))
            return context.crash
    return None


async def _alive(context: Context) -> bool:
    try:
        async with asyncio.timeout(ALIVE_SECONDS):
            await context.agent.execute("guest-ping")
            return True
    except AgentError:
        return True
    except TimeoutError:
        return False


async def collect(context: Context, findings: list[Finding], dump: bool) -> list[Finding]:
    """Write what there is to know into the run directory: the crash report, the guest's devices and, with `dump`, its memory.

    Returns the findings, the first with the facts that were added (where the dump is). What cannot be had is left out.
    """
    directory, first = context.machine.files.run, findings[0]
    if dump and first.verdict in (Verdict.GUEST_BUGCHECK, Verdict.HANG):
        findings = [replace(first, facts={**first.facts, **await keep_memory(context)}), *findings[1:]]
    with contextlib.suppress(OSError):
        if context.crash:
            _write(directory / "crash.json", asdict(context.crash))
        _write(directory / "findings.json", [asdict(finding) for finding in findings])
    if context.machine.life.state is MachineState.RUNNING:
        await _keep_devices(context)
    return findings


async def _keep_devices(context: Context) -> None:
    with contextlib.suppress(TimeoutError, AgentError, BuddyctlFailed, OSError):
        async with asyncio.timeout(ALIVE_SECONDS):
            _write(
                context.machine.files.run / "devices.json",
                [asdict(device) for device in await context.ctl.devices(phantoms=True)],
            )


def keep_steps(context: Context) -> None:
    """Write which steps ran between which journal records (steps.json); reports make the timeline of it."""
    with contextlib.suppress(OSError):
        _write(context.machine.files.run / "steps.json", [asdict(step) for step in context.played])


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=2, default=str) + "\n", encoding="utf-8")

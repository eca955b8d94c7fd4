# SPDX-License-Identifier: MIT
"""The console: progress while a run goes on, the table at its end, and what there is to know about each failure."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from orchestrator.base.events import Event, ScenarioFinished, ScenarioStarted, StepStarted, WaitsForDebugger
from orchestrator.base.verdict import Verdict
from orchestrator.journal.follower import around
from orchestrator.journal.record import describe
from orchestrator.runner.result import RunResult, ScenarioResult

_STYLES = {
    Verdict.PASSED: "green",
    Verdict.DRIVER_FAILURE: "red",
    Verdict.GUEST_BUGCHECK: "bright_blue",
    Verdict.HANG: "magenta",
    Verdict.HARNESS_ERROR: "yellow",
    Verdict.INTERRUPTED: "dim",
}


class Progress:
    """Shows events as they come: one line for each finished scenario, and on a terminal what is running now."""

    def __init__(self, console: Console, total: int, verbose: bool = False) -> None:
        self._console = console
        self._total = total
        self._verbose = verbose
        self._done = 0
        self._running: dict[str, str] = {}
        self._live = Live(console=console, refresh_per_second=10, transient=True) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case ScenarioStarted(scenario):
                self._running[scenario] = "starting"
            case StepStarted(scenario, title, depth):
                self._running[scenario] = title
                if self._verbose:
                    self._console.print(f"[dim]{escape(scenario)}: {'  ' * depth}{escape(title)}[/dim]", highlight=False)
            case WaitsForDebugger(scenario, command):
                self._console.print(Text(f"{scenario} waits for gdb: {command}"), soft_wrap=True)
            case ScenarioFinished(scenario, verdict, seconds, reason):
                self._running.pop(scenario, None)
                self._done += 1
                style = _STYLES[Verdict(verdict)]
                line = f"[{self._done:>2}/{self._total}] [{style}]{verdict:<14}[/{style}] {escape(scenario)}  {seconds:.2f} s"
                self._console.print(line, highlight=False)
                if reason and verdict != Verdict.PASSED:
                    self._console.print(Text(f"        {reason}"))
            case _:
                return
        if self._live:
            self._live.update(Text("\n".join(f"  … {name}: {step}" for name, step in self._running.items())))


def show(console: Console, run: RunResult) -> None:
    """The table of a finished run, then the failures."""
    table = Table(title=f"{run.suite}: {run.verdict}", title_justify="left", title_style="bold")
    table.add_column("scenario")
    table.add_column("verdict")
    table.add_column("time", justify="right")
    for result in run.scenarios:
        table.add_row(escape(result.name), Text(result.verdict, style=_STYLES[result.verdict]), f"{result.seconds:.2f} s")
    console.print(table)
    for result in run.scenarios:
        if result.verdict not in (Verdict.PASSED, Verdict.INTERRUPTED):
            show_failure(console, result)
    passed = sum(result.verdict is Verdict.PASSED for result in run.scenarios)
    console.print(f"{passed} of {len(run.scenarios)} passed in {run.seconds:.1f} s", highlight=False)
    for name, value in run.environment.items():
        console.print(f"{name + ':':<13}{value}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"{'results:':<13}{run.directory}", highlight=False, markup=False, soft_wrap=True)


def show_failure(console: Console, result: ScenarioResult) -> None:
    """Why a scenario failed: the reason, the journal around it, the command that repeats it."""
    style = _STYLES[result.verdict]
    console.print(Text.assemble("\n", (result.name, "bold"), ": ", (result.verdict, style)))
    console.print(Text(f"  {result.reason}"), soft_wrap=True)
    for finding in result.findings[1:4]:
        console.print(Text(f"  also: {finding.reason}"), soft_wrap=True)
    for line in backtrace(result):
        console.print(Text(f"  {line}"), soft_wrap=True)
    seq = result.findings[0].seq if result.findings else None
    for line in journal_lines(result, seq):
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)
    console.print(Text(f"  evidence: {result.directory}"), soft_wrap=True)
    for name, text in memory(result).items():
        console.print(Text(f"  {name + ':':<9} {text}"), soft_wrap=True)
    console.print(Text(f"  repeat:   {result.repeat}\n"), soft_wrap=True)


def backtrace(result: ScenarioResult) -> list[str]:
    """The stack of a guest that stopped, with source lines; empty when there is none."""
    return [str(line) for line in (result.findings[0].facts.get("backtrace") or [])] if result.findings else []


def memory(result: ScenarioResult) -> dict[str, str]:
    """Where the guest's memory is and how to open it, or why it was not kept; empty when it was not asked for."""
    facts = result.findings[0].facts if result.findings else {}
    names = {"dump": "dump", "debug": "debug", "no_dump": "no dump"}
    return {name: str(facts[key]) for key, name in names.items() if facts.get(key)}


def journal_lines(result: ScenarioResult, seq: int | None) -> list[str]:
    """The journal's records around number `seq` (the last ones when None), one readable line each, the record itself marked."""
    path = result.directory / "journal.jsonl"
    if not path.is_file():
        return []
    return [("> " if record.seq == seq else "  ") + describe(record) for record in around(path, seq)]

# SPDX-License-Identifier: MIT
"""`orchestrator boot`: a VM, and a prompt at which hardware comes, goes and sleeps. Reads commands from a pipe too."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.cli.machine_options import machine_options, variables
from orchestrator.cli.prompt import Prompt
from orchestrator.cli.signals import run_async
from orchestrator.machine.command import MachineFiles, command, environment
from orchestrator.machine.process import shown
from orchestrator.runner.bench import make_bench
from orchestrator.runner.directory import new_run_directory
from orchestrator.scenario.execution import Bench, Options, booted, prepare
from orchestrator.scenario.model import Scenario
from orchestrator.scenario.steps.update import Update


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    replace = {}
    for pair in options.replace:
        driver, equals, mutant = pair.partition("=")
        if not equals:
            raise BadInput(f"--replace needs DRIVER=MUTANT, but is {pair!r}")
        replace[driver] = mutant
    scenario = Scenario(
        "boot",
        "a machine to play with",
        "the command line",
        Path(),
        options.guest,
        options.topology,
        [Update(driver) for driver in options.package],  # never run: they say which packages must lie in the guest
        options.first,
        replace,
        tuple(options.driver),
        variables(options.set),
    )
    return run_async(_boot(options, scenario))


async def _boot(options: argparse.Namespace, scenario: Scenario) -> int:
    bench = await make_bench(options.guest, options.qemu, options.accel)
    settings = machine_options(options)
    if options.print_only:
        files = MachineFiles(Path("RUN"), Path("PRIVATE"))
        config = prepare(bench, scenario, settings)
        print(shown(command(config, files), environment(config)))
        return 0
    directory = new_run_directory(options.runs, options.keep)
    return await _session(bench, scenario, directory, settings)


async def _session(bench: Bench, scenario: Scenario, directory: Path, settings: Options) -> int:
    async with booted(bench, scenario, directory, settings) as context:
        prompt, interactive = Prompt(context), sys.stdin.isatty()
        print(f"accelerator {bench.accelerator.name} ({bench.accelerator.why}); journal and logs: {directory}")
        if context.debugger:
            print(f"the machine waits for gdb: in another terminal, run\n  {context.debugger}", flush=True)
        await prompt.run_line("wait")
        print("`help` lists the commands")
        failed = False
        async for line in _lines():
            failed = not await prompt.run_line(line) or failed
            if prompt.ended:
                break
    # A script that was piped in wants to know; a person has read it.
    return 1 if failed and not interactive else 0


async def _lines() -> AsyncIterator[str]:
    if sys.stdin.isatty():
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.patch_stdout import patch_stdout

        session: PromptSession[str] = PromptSession(completer=WordCompleter(Prompt.commands()))
        while True:
            with patch_stdout():
                try:
                    yield await session.prompt_async("buddy> ")
                except EOFError:
                    return
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(f"buddy> {line.decode(errors='replace').rstrip()}", flush=True)
        yield line.decode(errors="replace")

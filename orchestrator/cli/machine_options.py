# SPDX-License-Identifier: MIT
"""The arguments that `boot` and `run` have in common, as options of a machine."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence

from orchestrator.base.errors import BadInput
from orchestrator.machine.command import GdbServer
from orchestrator.scenario.execution import Options


def variables(pairs: Sequence[str]) -> dict[str, str]:
    """The values that `--set NAME=VALUE` gave. Raises BadInput."""
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise BadInput(f"--set needs NAME=VALUE, but is {pair!r}")
        values[name] = value
    return values


def machine_options(arguments: argparse.Namespace) -> Options:
    """How the machine is to differ from what its scenario says. `--gdb` without a port is 0."""
    return Options(
        gdb=None if arguments.gdb is None else GdbServer(arguments.gdb or None),
        log=arguments.log,
        dump=not arguments.no_dump,
        seed=arguments.seed,
        qemu_arguments=tuple(shlex.split(arguments.qemu_args)),
        memory_mib=arguments.memory,
        kernel_arguments=tuple(shlex.split(arguments.kernel_args)),
    )

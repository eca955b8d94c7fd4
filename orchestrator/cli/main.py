# SPDX-License-Identifier: MIT
"""`orchestrator`: reads the arguments and hands over to the command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestrator.base.errors import BadInput, HarnessError
from orchestrator.base.verdict import EXIT_BAD_INPUT, Verdict
from orchestrator.runner.directory import KEEP_RUNS

_EPILOG = """exit codes: 0 passed, 1 driver failure, 2 wrong usage or bad input, 3 guest bugcheck, 4 hang,
5 harness error (the only one that may be worth a retry), 130 interrupted"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orchestrator", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    commands.add_parser("doctor", help="check that everything that a run needs is there, and say what is not")

    image = commands.add_parser("image", help="build the QEMU module, the drivers, the test kernel and the image")
    image.add_argument("--no-build", action="store_true", help="do not run make; assemble and check what is built")

    boot = commands.add_parser("boot", help="boot a VM and stay at a prompt: plug, unplug, yank, suspend, resume, …")
    boot.add_argument("--topology", default="buddy-and-fredbus", help="topology name or file (default: %(default)s)")
    boot.add_argument("--first", choices=("owner", "borrower"), help="which driver starts first")
    boot.add_argument("--replace", action="append", default=[], metavar="DRIVER=MUTANT", help="install a mutant")
    boot.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="DRIVER",
        help="have the package of a driver of the image (such as a mutant) in the guest for `update` (may be repeated)",
    )
    boot.add_argument("--print", dest="print_only", action="store_true", help="print the exact QEMU line and do not run it")

    run = commands.add_parser("run", help="run the scenarios of a suite")
    run.add_argument("suite", type=Path, help="scenario file, such as suites/default.yaml")
    run.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only this scenario (shell pattern; may be repeated)",
    )
    run.add_argument("--list", action="store_true", help="list the scenarios and do not run them")
    run.add_argument("--jobs", type=int, metavar="N", help="VMs at a time (default: number of processors)")
    run.add_argument("--verbose", action="store_true", help="show each step")

    report = commands.add_parser("report", help="print a finished run again")
    report.add_argument("directory", type=Path, nargs="?", help="run directory (default: the latest)")
    report.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: %(default)s)")

    for command in (run, report):
        command.add_argument("--html", action="store_true", help="write report.html, with a timeline of each scenario")

    bench = commands.add_parser("bench", help="measure boot, S3 cycle, plug cycle and the default suite; print medians")
    bench.add_argument("--repeats", type=int, default=10, metavar="N", help="measurements of each kind (default: %(default)s)")
    bench.add_argument("--no-suite", action="store_true", help="leave the default suite out")

    for command in (boot, run, bench):
        command.add_argument("--guest", default="testkernel", help="which guest (default: %(default)s)")
        command.add_argument("--accel", default="auto", help="auto (try KVM, else TCG), kvm or tcg")
        command.add_argument(
            "--keep",
            type=int,
            default=KEEP_RUNS,
            metavar="N",
            help="remove older runs, except the last N and the last N that failed; 0 removes nothing (default: %(default)s)",
        )
        command.add_argument("--qemu", default="qemu-system-x86_64", metavar="PROGRAM", help="the QEMU to use")
        command.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are kept (default: %(default)s)")
    for command in (boot, run):
        command.add_argument(
            "--driver",
            action="append",
            default=[],
            type=Path,
            metavar="PACKAGE",
            help="install your own driver too: a folder with its INF and SYS, or the INF (may be repeated)",
        )
        command.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="the value of a variable of the suite or topology (may be repeated)",
        )
        command.add_argument("--qemu-args", default="", metavar="'ARGUMENTS'", help="more arguments for QEMU, as for a shell")
        command.add_argument("--memory", type=int, metavar="MIB", help="the guest's memory (default: 64)")
        command.add_argument("--kernel-args", default="", metavar="'OPTIONS'", help="more options for the guest's kernel")
        command.add_argument("--seed", type=int, metavar="N", help="perturb the guest's timing, the same way for the same seed")
        command.add_argument(
            "--gdb",
            type=int,
            nargs="?",
            const=0,
            metavar="PORT",
            help="wait for gdb, and print the command that attaches it (a private socket, or this port of the loopback)",
        )
        command.add_argument(
            "--log",
            "--log-level",
            default="info",
            choices=("error", "warning", "info", "debug"),
            help="how much the kernel writes to the console log (default: %(default)s)",
        )
        command.add_argument("--no-dump", action="store_true", help="do not keep the guest's memory when it stops or hangs")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "doctor":
                from orchestrator.cli import doctor

                return doctor.main(options)
            case "image":
                from orchestrator.cli import image

                return image.main(options)
            case "boot":
                from orchestrator.cli import boot

                return boot.main(options)
            case "run":
                from orchestrator.cli import run

                return run.main(options)
            case "report":
                from orchestrator.cli import report

                return report.main(options)
            case _:
                from orchestrator.cli import bench

                return bench.main(options)
    except BadInput as error:
        print(f"orchestrator: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except HarnessError as error:
        print(f"orchestrator: {error}", file=sys.stderr)
        return Verdict.HARNESS_ERROR.exit_code
    except KeyboardInterrupt:
        print("orchestrator: interrupted", file=sys.stderr)
        return Verdict.INTERRUPTED.exit_code

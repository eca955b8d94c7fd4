# SPDX-License-Identifier: MIT
"""`orchestrator report`: a finished run, printed again from its run directory."""

from __future__ import annotations

import argparse

from orchestrator.base.errors import BadInput


def main(options: argparse.Namespace) -> int:
    """Run the command; the exit code is the run's."""
    from rich.console import Console

    from orchestrator.report.console import show
    from orchestrator.report.json_report import read_json

    directory = options.directory or options.runs / "latest"
    result = read_json(directory.resolve())
    if options.html:
        from orchestrator.report.html import write_html

        try:
            write_html(result, result.directory / "report.html")
        except OSError as error:
            raise BadInput(f"cannot write {result.directory / 'report.html'}: {error.strerror or error}") from error
        print(result.directory / "report.html")
        return result.verdict.exit_code
    show(Console(), result)
    return result.verdict.exit_code

# SPDX-License-Identifier: MIT
"""JUnit XML, as CI systems read it: a driver's failure is a <failure>, the bench's is an <error>."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

from orchestrator.base.verdict import Verdict
from orchestrator.report.console import backtrace, journal_lines, memory
from orchestrator.runner.result import RunResult

# XML 1.0 has no way to write these.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(run: RunResult, path: Path) -> None:
    """Write the run as JUnit XML."""
    verdicts = [result.verdict for result in run.scenarios]
    errors, skipped = verdicts.count(Verdict.HARNESS_ERROR), verdicts.count(Verdict.INTERRUPTED)
    suite = ET.Element(
        "testsuite",
        name=run.suite,
        tests=str(len(verdicts)),
        failures=str(len(verdicts) - errors - skipped - verdicts.count(Verdict.PASSED)),
        errors=str(errors),
        skipped=str(skipped),
        time=f"{run.seconds:.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in run.environment.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    for result in run.scenarios:
        case = ET.SubElement(suite, "testcase", classname=Path(run.suite).stem, name=result.name, time=f"{result.seconds:.3f}")
        if result.verdict is Verdict.PASSED:
            continue
        if result.verdict is Verdict.INTERRUPTED:
            ET.SubElement(case, "skipped", message="interrupted")
            continue
        tag = "error" if result.verdict is Verdict.HARNESS_ERROR else "failure"
        problem = ET.SubElement(case, tag, type=result.verdict, message=_clean(result.reason or ""))
        seq = result.findings[0].seq if result.findings else None
        lines = [result.reason or "", f"repeat: {result.repeat}", f"evidence: {result.directory}"]
        lines += [f"{name}: {text}" for name, text in memory(result).items()]
        problem.text = _clean("\n".join([*lines, *backtrace(result), *journal_lines(result, seq)]))
    ET.indent(suite)
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("?", text)

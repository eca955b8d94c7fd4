# SPDX-License-Identifier: MIT
"""The HTML report and its timeline, from journals of known content."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from orchestrator.base.verdict import Finding, Verdict
from orchestrator.journal.summary import summarise
from orchestrator.report.html import write_html
from orchestrator.report.timeline import Lane, lanes
from orchestrator.runner.result import RunResult, ScenarioResult
from tests.orchestrator.journals import access, lines, trace

RECORDS = [
    {"kind": "slot", "event": "plug"},
    trace("owner start device=0 status=0x0"),
    *[access() for _ in range(5)],
    {"kind": "power", "from": "D0", "to": "D3hot", "cause": "pmcsr"},
    access(client=0),
    {"kind": "violation", "rule": "access-not-in-d0", "client": 0, "reg": "ID", "power": "D3hot", "ref": 8},
    {"kind": "slot", "event": "yank"},
    trace("kernel <script>alert(1)</script>"),
]


def write(directory: Path) -> Path:
    directory.mkdir()
    (directory / "journal.jsonl").write_bytes(lines(RECORDS))
    step = {"title": "yank buddy0", "depth": 0, "first": 7, "last": 10, "seconds": 0.01, "error": None}
    (directory / "steps.json").write_text(json.dumps([step]))
    return directory


def test_a_journal_is_summarised(tmp_path: Path) -> None:
    summary = summarise(write(tmp_path / "one") / "journal.jsonl", bins=11)
    assert (summary.begin, summary.end) == (0, 11000)
    assert {key: sum(bins.values()) for key, bins in summary.accesses.items()} == {("buddy0", 1): 5, ("buddy0", 0): 1}
    assert [r.kind for r in summary.records].count("violation") == 1
    assert summary.time_of(7) == 7000


def test_the_timeline_shows_steps_power_accesses_and_what_drivers_said(tmp_path: Path) -> None:
    rows, milliseconds = lanes(write(tmp_path / "one"))
    by_name: dict[str, Lane] = {row.name: row for row in rows}
    assert milliseconds == 0.011
    expected = {"steps", "buddy0", "buddy0 client 0", "buddy0 client 1", "owner says", "kernel says", "violations"}
    assert set(by_name) == expected
    assert [mark.style for mark in by_name["buddy0"].marks] == ["d0", "d3hot", "gone"]
    d0 = by_name["buddy0"].marks[0]
    assert (round(d0.left), round(d0.width)) == (0, round(1000 * 7 / 11))
    assert by_name["steps"].marks[0].text == "yank buddy0 (10 ms)"


def test_ticks_that_cannot_be_told_apart_are_one(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    records = [trace("owner load"), *[trace(f"kernel line number={n}") for n in range(5000)]]
    (tmp_path / "one" / "journal.jsonl").write_bytes(lines(records))
    rows, _ = lanes(tmp_path / "one")
    kernel = next(row for row in rows if row.name == "kernel says")
    assert 1000 <= len(kernel.marks) <= 2001
    assert "kernel line number=0" in kernel.marks[0].text


def test_the_report_is_one_wellformed_file_that_loads_nothing(tmp_path: Path) -> None:
    write(tmp_path / "one")
    finding = Finding(Verdict.DRIVER_FAILURE, "violation", "buddy0: <violation>", 9)
    directory = tmp_path / "one"
    failed = ScenarioResult("one", "An example.", Verdict.DRIVER_FAILURE, 0.5, finding.reason, [finding], directory, "again")
    missing = ScenarioResult("two", "No journal.", Verdict.INTERRUPTED, 0.0, None, [], tmp_path / "two", "again")
    run = RunResult("suites/s.yaml", tmp_path, 1.0, {"accelerator": "tcg"}, [failed, missing])
    write_html(run, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "buddy0: &lt;violation&gt;" in text and "<script>alert" not in text and text.count("<script>") == 1
    assert "http" not in text.replace("http://www.w3.org", "")
    root = ET.fromstring(text.removeprefix("<!DOCTYPE html>"))
    assert len(root.findall(".//svg")) == 1
    assert [a.get("href") for a in root.findall(".//details/p/a")] == ["one/journal.jsonl", "one/steps.json"]


def test_a_stop_is_shown_with_its_stack_its_tables_and_how_to_open_the_dump(tmp_path: Path) -> None:
    directory = write(tmp_path / "one")
    tables = {"threads": ["FFFF 'worker <1>' waiting", "   0  FFFF  owner.sys!Wait+0x1"], "locks": []}
    (directory / "crash.json").write_text(json.dumps({"details": {"tables": tables}}))
    facts = {
        "backtrace": [
            "  0  owner.sys!Wait (inlined)  guest-drivers/owner/wait.c:7",
            "  0  owner.sys!Start+0x9  guest-drivers/owner/pnp.c:3",
        ],
        "dump": "runs/1/one/memory.elf",
        "debug": "gdb -q -x runs/1/one/crash.gdb",
    }
    finding = Finding(Verdict.GUEST_BUGCHECK, "bugcheck", "bugcheck 0xD1", None, facts)
    stopped = ScenarioResult("one", "About.", Verdict.GUEST_BUGCHECK, 0.5, finding.reason, [finding], directory, "again")
    write_html(RunResult("suites/s.yaml", tmp_path, 1.0, {}, [stopped]), tmp_path / "report.html")
    root = ET.fromstring((tmp_path / "report.html").read_text().removeprefix("<!DOCTYPE html>"))
    stack = root.find(".//pre[@class='backtrace']")
    assert stack is not None and (stack.text or "").splitlines() == facts["backtrace"]
    folded = root.findall(".//details[@class='table']")
    assert [table.findtext("summary") for table in folded] == ["threads (2 lines)", "locks (0 lines)"]
    assert folded[0].findtext("pre") == "\n".join(tables["threads"])
    assert [code.text for code in root.findall(".//p/code")] == [facts["dump"], facts["debug"], "again"]


def test_findings_of_the_same_reason_are_one_line(tmp_path: Path) -> None:
    reasons = ["the first", *["again"] * 200, "another"]
    findings = [Finding(Verdict.DRIVER_FAILURE, "violation", reason, 9) for reason in reasons]
    failed = ScenarioResult("one", "About.", Verdict.DRIVER_FAILURE, 0.5, reasons[0], findings, write(tmp_path / "one"), "again")
    write_html(RunResult("suites/s.yaml", tmp_path, 1.0, {}, [failed]), tmp_path / "report.html")
    root = ET.fromstring((tmp_path / "report.html").read_text().removeprefix("<!DOCTYPE html>"))
    assert [line.text for line in root.findall(".//li")] == ["also 200 times: again", "also: another"]

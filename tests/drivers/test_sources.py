# SPDX-License-Identifier: MIT
"""Rules that the driver sources keep, checked on the text."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.drivers.conftest import ROOT, SOURCES

VOCABULARY = set((Path(__file__).parent / "trace_vocabulary.txt").read_text().split())
FOLDERS = [
    "common",
    "owner",
    "borrower",
    "borrower-legacy",
    "borrower_core",
    "fredbus",
    "fred_child",
    "toaster",
    "oven",
    "pnptest",
]


def sources() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((SOURCES / folder).glob("*.c"))]


def test_trace_events_are_those_of_the_journals_vocabulary() -> None:
    journal = (ROOT / "docs" / "journal.md").read_text()
    events = {event for path in sources() for event in re.findall(r'Trace\("([a-z-]+)', path.read_text())}
    assert events <= VOCABULARY, f"add to docs/journal.md and trace_vocabulary.txt: {sorted(events - VOCABULARY)}"
    undocumented = {event for event in VOCABULARY if f"`{event}" not in journal}
    assert not undocumented, f"in trace_vocabulary.txt but not in docs/journal.md: {sorted(undocumented)}"


def test_mutants_are_named_explained_and_used_in_the_driver_that_they_name() -> None:
    mutants = yaml.safe_load((SOURCES / "mutants" / "mutants.yaml").read_text())
    for name, mutant in mutants.items():
        assert set(mutant) == {"driver", "mistake", "source"}, name
        symbol = "MUTANT(" + name.upper().replace("-", "_") + ")"
        folders = [mutant["driver"], "common", "fred_child", "borrower_core"]
        files = [path for folder in folders for path in (SOURCES / folder).glob("*.c")]
        assert any(symbol in path.read_text() for path in files), f"{name}: no {symbol} in {folders}"


def test_every_mutant_switch_in_the_sources_is_described() -> None:
    described = {name.upper().replace("-", "_") for name in yaml.safe_load((SOURCES / "mutants" / "mutants.yaml").read_text())}
    used = {symbol for path in sources() for symbol in re.findall(r"MUTANT\(([A-Z0-9_]+)\)", path.read_text())}
    assert used <= described, sorted(used - described)


def test_files_are_small_enough_to_be_read_in_one_sitting() -> None:
    long = {str(path): count for path in sources() if (count := len(path.read_text().splitlines())) > 500}
    assert not long


def test_every_file_has_a_licence_line() -> None:
    for path in [*sources(), *SOURCES.rglob("*.h"), *SOURCES.rglob("*.inf")]:
        assert "SPDX-License-Identifier: MIT" in path.read_text().splitlines()[0], path

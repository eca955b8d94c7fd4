# SPDX-License-Identifier: MIT
"""docs/mechanisms: every mechanism has its page, and what a page names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.drivers.conftest import ROOT, SOURCES

FOLDER = ROOT / "docs" / "mechanisms"
SECTIONS = ["The problem", "The sequence", "Where it is", "What shows it", "What gets it wrong"]
# Pages that are no mechanism: lists, and what serves all mechanisms.
TABLES = {"README", "settings", "gotchas"}
WITHOUT_MUTANTS = {"test-filter"}
NOT_OF_THE_ARTICLES = {"wdm-scaffold", "wait-wake"}
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.stem not in TABLES)
MUTANTS = yaml.safe_load((SOURCES / "mutants" / "mutants.yaml").read_text())
SUITES = {path.name: yaml.safe_load(path.read_text())["scenarios"] for path in (ROOT / "suites").glob("*.yaml")}
ALL_TEXT = "\n".join(path.read_text() for path in FOLDER.glob("*.md"))


def section(page: Path, name: str) -> str:
    return page.read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_the_contents_list_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w-]+)\.md\)", (FOLDER / "README.md").read_text()))
    assert linked == {path.stem for path in FOLDER.glob("*.md")} - {"README"}


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_problem_diagram_code_scenario_and_mutant(page: Path) -> None:
    wanted = SECTIONS[:4] if page.stem in WITHOUT_MUTANTS else SECTIONS
    assert [name for name in wanted if not section(page, name).strip()] == []
    assert "```mermaid\n" in section(page, "The sequence")
    if page.stem not in NOT_OF_THE_ARTICLES:
        assert "\n> " in "\n" + section(page, "The problem"), "the problem as the article states it"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_that_a_page_names_is_there(page: Path) -> None:
    for line in section(page, "Where it is").splitlines():
        names = re.findall(r"`([\w./-]+/[\w.-]*|[\w-]+\.[ch])`", line)
        folder = SOURCES
        for name in names:
            candidates = [ROOT / name, SOURCES / name, folder / name]
            found = next((path for path in candidates if path.exists()), None)
            assert found, f"{name} is not there"
            folder = found if found.is_dir() else found.parent
        for function in re.findall(r"`([A-Z][A-Za-z]+)`", line):
            assert any(function in path.read_text() for path in SOURCES.rglob("*.c")), f"no function {function}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_scenarios_that_a_page_names_are_in_their_suites(page: Path) -> None:
    text = section(page, "What shows it")
    for scenario, suite in re.findall(r"`([\w-]+)` in `suites/([\w.-]+)`", text):
        assert scenario in SUITES[suite], f"{suite} has no scenario {scenario}"
    assert "suites/" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_mutants_that_a_page_names_exist_and_make_that_mistake(page: Path) -> None:
    listed = re.findall(r"^- `([\w-]+)`: (.+)$", section(page, "What gets it wrong"), re.MULTILINE)
    assert listed or page.stem in WITHOUT_MUTANTS
    for mutant, mistake in listed:
        assert MUTANTS[mutant]["mistake"] == mistake, mutant


def test_every_mutant_is_on_a_page() -> None:
    assert [name for name in MUTANTS if f"`{name}`" not in ALL_TEXT] == []


def test_every_scenario_of_the_mechanisms_is_on_a_page() -> None:
    assert [name for name in SUITES["mechanisms.yaml"] if f"`{name}`" not in ALL_TEXT] == []


def test_the_gotchas_name_mutants_and_scenarios_that_exist() -> None:
    scenarios = {name for suite in SUITES.values() for name in suite}
    for name in re.findall(r"`((?:borrower|owner|fredbus|boot|toaster|oven)-[a-z-]+)`", (FOLDER / "gotchas.md").read_text()):
        assert name in MUTANTS or name in scenarios or (SOURCES / name).is_dir(), name


def test_the_settings_page_is_the_infs() -> None:
    """Each AddReg number of each INF has a row, and each row a number in an INF."""
    table: dict[str, set[str]] = {}
    for drivers, names in re.findall(r"^\| ([^|]*`[^|]+|all) \| ([^|]+) \|", (FOLDER / "settings.md").read_text(), re.MULTILINE):
        users = re.findall(r"`([\w-]+)`", drivers) or ["owner", "borrower", "fredbus", "toaster", "oven"]
        for user in users:
            table.setdefault(user, set()).update(re.findall(r"`(\w+)`", names))
    for driver, documented in table.items():
        inf = (SOURCES / driver / f"{driver}.inf").read_text()
        stored = set(re.findall(r"^HKR,,(\w+),0x00010001,", inf, re.MULTILINE))
        assert stored == documented, driver

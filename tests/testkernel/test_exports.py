# SPDX-License-Identifier: MIT
"""The page of the kernel's exports: every export has a definition with a state, and the comments say the states."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import KERNEL_SOURCE, REPOSITORY, Built
from .violations import load_tool

TOOL = KERNEL_SOURCE / "tools" / "exporttable.py"


@pytest.fixture(scope="module")
def tool() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOL.parent))  # as for a script: exporttable imports its neighbour
        yield load_tool("exporttable")


@pytest.fixture(scope="module")
def rows(built: Built, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The page's lines of exports, with the callers that tests are."""
    kernel, page = built.drivers.parent, tmp_path_factory.mktemp("exports") / "page.md"
    command: list[str | Path] = [sys.executable, TOOL, "--def", kernel / "ntoskrnl.def", "--drivers", built.drivers]
    command += ["--windows", kernel / "windows-exports.txt", "--output", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr  # a definition was not found
    return [line for line in page.read_text().splitlines() if line.startswith("| `")]


def test_a_row_says_irql_state_source_and_callers(rows: list[str]) -> None:
    assert "| `ExQueueWorkItem` | <= DISPATCH_LEVEL | complete | ex/workitem.c | selftest |" in rows


def test_every_export_is_called_by_a_test(rows: list[str]) -> None:
    """A new export needs a test of its own; a driver that only happens to call it is none."""
    assert len(rows) > 600
    uncalled = [row.split("`")[1] for row in rows if not row.split("|")[5].strip()]
    assert not uncalled, f"write a test in images/testkernel/selftest or tests/testkernel/native for: {', '.join(uncalled)}"


def test_the_page_in_docs_is_not_stale(rows: list[str]) -> None:
    """Whether the product's drivers call an export, too, depends on what is built, and is left out of the comparison."""
    page = (REPOSITORY / "docs" / "testkernel-exports.md").read_text().splitlines()
    kept = [re.sub(r"(, )?\bdrivers \|$", " |", line).replace("  |", " |") for line in page if line.startswith("| `")]
    assert kept == rows, "run make -C images/testkernel exports-page"


def test_the_state_stands_in_the_comment_over_the_definition(tool: ModuleType) -> None:
    source = """
/* Any IRQL. Partial: the tick does not change. More text. */
ULONG NTAPI ExSetTimerResolution(ULONG Time, BOOLEAN Set)
{
}

/*
 * Refused: there is
 * no disk
 */
NTSTATUS NTAPI IoReadDisk(PVOID Disk);
NTSTATUS NTAPI IoReadDisk(PVOID Disk)
{
}

static int Helper(int x)
{
}

POBJECT_TYPE *IoFileObjectType = &Type;
"""
    found = {name: tool.state_of(comment) for name, (_, comment) in tool.definitions(source).items()}
    assert found["ExSetTimerResolution"] == ("partial", "the tick does not change")
    assert found["IoReadDisk"] == ("refused", "there is no disk")
    assert found["IoFileObjectType"] == ("complete", "")
    assert "Helper" not in found

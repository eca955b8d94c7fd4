# SPDX-License-Identifier: MIT
"""The page of the kernel's exports: every export has a definition with a state, and the comments say the states."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import KERNEL_SOURCE, Built

TOOL = KERNEL_SOURCE / "tools" / "exporttable.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("exporttable", TOOL)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["exporttable"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_export_of_the_kernel_is_found_in_its_source(built: Built, tmp_path: Path) -> None:
    kernel, page = built.drivers.parent, tmp_path / "page.md"
    command: list[str | Path] = [sys.executable, TOOL, "--def", kernel / "ntoskrnl.def", "--drivers", built.drivers]
    command += ["--windows", kernel / "windows-exports.txt", "--output", page]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    row = next(line for line in page.read_text().splitlines() if line.startswith("| `ExQueueWorkItem` "))
    assert row == "| `ExQueueWorkItem` | complete | ex/workitem.c | selftest |"


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

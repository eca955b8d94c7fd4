# SPDX-License-Identifier: MIT
"""A driver as Microsoft's tools make one (windows-msvc, PDB, stack cookies, INT 29h): it runs, and its mistakes are named."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.guest.symbols import Address, source_lines

from .conftest import Boot, Built, boot_drivers

SOURCE = Path(__file__).parent / "drivers" / "microsoft.c"
COMPILE = ["clang", "--target=x86_64-pc-windows-msvc", "-O2", "-g", "-gcodeview", "-fstack-protector-all", "-mno-stack-arg-probe"]
COMPILE += ["-fms-extensions", "-Wall", "-Wno-unused-parameter", "-Wno-infinite-recursion", "-fno-builtin", "-Werror", "-c"]
LINK = ["lld-link", "/driver", "/subsystem:native", "/entry:GsDriverEntry", "/nodefaultlib", "/debug", "/dynamicbase"]
IMPORTS = "/usr/x86_64-w64-mingw32/lib/libntoskrnl.a"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """microsoft.sys with microsoft.pdb beside it."""
    directory = tmp_path_factory.mktemp("microsoft")
    subprocess.run([*COMPILE, "-o", "microsoft.obj", str(SOURCE)], check=True, cwd=directory)
    subprocess.run([*LINK, "/out:microsoft.sys", "microsoft.obj", IMPORTS], check=True, cwd=directory)
    return directory / "microsoft.sys"


def boot(built: Built, directory: Path, image: Path, case: str) -> Boot:
    service = f"microsoft_{case}"
    copy = directory / f"{service}.sys"
    shutil.copy(image, copy)
    return boot_drivers(built, directory, [service], ["ready:"], image=copy)


def functions(image: Path, name: str, done: Boot) -> list[list[str]]:
    """The functions of the driver's frames, by its PDB; the blamed one first. Each with what was inlined into it."""
    blamed = done.bugcheck["blamed"]
    places = [Address(name, blamed["rva"], blamed["exact"])]
    places += [Address(name, frame["rva"]) for frame in done.bugcheck["frames"][1:] if frame["image"] == name]
    found = asyncio.run(source_lines(places, {name: image}))
    return [[line.function for line in found[place]] for place in places]


def test_the_loader_initializes_the_stack_cookie(built: Built, image: Path, tmp_path: Path) -> None:
    done = boot(built, tmp_path, image, "good")
    assert not done.bugcheck, done.bugcheck
    assert "microsoft: the cookie is good" in done.log


@pytest.mark.parametrize(
    ("case", "stop", "function", "reason"),
    [
        ("overrun", "139/2", "__security_check_cookie", "a stack buffer was overrun"),
        ("list", "139/3", "RemoveTwice", "a LIST_ENTRY is corrupt"),
        ("tail", "7E/C0000005", "ReadNull", "a NULL pointer plus 0x10"),
        ("null", "7E/C0000005", "CallNull", "attempt to execute 0000000000000000"),
        ("dispatch", "D1/0", "CallNullAtDispatch", "attempt to execute 0000000000000000"),
        ("break", "7E/80000003", "Break", "breakpoint without a debugger"),
        ("assert", "7E/C0000420", "Assert", "assertion failure"),
        ("vector", "7E/C0000005", "MisalignedVector", "exception 0xc0000005"),
        ("recurse", "7F/8", "Recurse", "the kernel stack of thread"),
    ],
)
def test_a_mistake_is_blamed_on_its_function(
    built: Built, image: Path, tmp_path: Path, case: str, stop: str, function: str, reason: str
) -> None:
    done = boot(built, tmp_path, image, case)
    report = done.bugcheck
    assert report, done.log
    assert f"{report['code']:X}/{report['parameters'][0]:X}" == stop, report["reason"]
    assert reason in report["reason"] and report["driver"] == f"microsoft_{case}.sys"
    named = functions(image, f"microsoft_{case}.sys", done)
    assert function in named[0], named
    if case not in ("recurse", "overrun"):
        assert any("DriverEntry" in frame for frame in named), named
    if case == "tail":  # the tail call left no frame, and none is invented
        assert not any("TailCall" in frame for frame in named)

# SPDX-License-Identifier: MIT
"""The command as a user runs it, with the built image or with tiny guests that do one thing wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir, repository

# A multiboot header for a flat image at 1 MiB, then the guest's 32-bit code.
_MULTIBOOT = """
.code32
.set flags, 0x10000
header: .long 0x1BADB002, flags, -(0x1BADB002 + flags), header, header, 0, 0, start
start:  cli
{code}
1:      hlt
        jmp 1b
"""


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    exit_code: int
    output: str


def qemus(mark: str) -> list[int]:
    """The QEMU processes that were started with `mark` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "qemu-system" in words[0] and any(mark in word for word in words):
            found.append(int(path.parent.name))
    return found


class Command:
    """`orchestrator` in a directory of its own. Nothing that it starts may be left when the test ends."""

    def __init__(self, directory: Path, build: Path) -> None:
        self.directory = directory
        self.build = build
        self._started: list[subprocess.Popen[str]] = []

    @property
    def runs(self) -> Path:
        return self.directory / "runs"

    @property
    def run(self) -> Path:
        """The latest run's directory."""
        return (self.runs / "latest").resolve()

    def start(self, *arguments: str, text: str = "") -> subprocess.Popen[str]:
        """Start the command, as a terminal does, with no signal ignored; `text` is the first part of its input."""
        if arguments[0] in ("run", "boot", "bench", "report") and "--runs" not in arguments:
            arguments = (*arguments, "--runs", str(self.runs))
        if arguments[0] in ("run", "boot", "bench"):
            # Trying KVM takes seconds, in each build directory anew; test_default_suite.py leaves the choice to the command.
            arguments = (*arguments, "--accel", "tcg")
        process = subprocess.Popen(
            ["env", "--default-signal=INT,HUP", sys.executable, "-m", "orchestrator", *arguments],
            cwd=repository(),
            env={**os.environ, "BUILD": str(self.build), "COLUMNS": "160"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        if text:
            assert process.stdin
            process.stdin.write(text)
            process.stdin.flush()
        return process

    def __call__(self, *arguments: str, text: str = "", limit: float = 60) -> Finished:
        """Run the command to its end."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(text, timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"{arguments} did not end in {limit:g} s: {process.communicate()[0]}") from None
        return Finished(process.returncode, output)

    def end(self) -> None:
        """After the test: what still runs of it is killed, and the QEMUs die with that; a failed test leaves nothing either."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def left_behind(self) -> list[int]:
        """QEMU processes of this command that still run."""
        return qemus(str(self.directory))

    def suite(self, text: str) -> str:
        """A scenario file with this text; returns its path."""
        path = self.directory / "suite.yaml"
        path.write_text(text)
        return str(path)


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    """The command with the real build directory."""
    command = Command(tmp_path, build_dir())
    yield command
    left_behind = command.left_behind()
    command.end()
    assert left_behind == []


@pytest.fixture
def tiny_guest(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Command]:
    """The command with an image whose kernel is the test's few assembler lines (pytest.mark.parametrize, indirect)."""
    build = tmp_path / "build"
    build.mkdir()
    shutil.copytree(build_dir() / "qemu-device", build / "qemu-device", ignore=shutil.ignore_patterns("obj", "qemu-*"))
    source, thing, kernel = build / "guest.S", build / "guest.o", build / "guest.bin"
    source.write_text(_MULTIBOOT.format(code=request.param))
    subprocess.run(["gcc", "-m32", "-c", "-o", str(thing), str(source)], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x100000", "-e", "start", "-o", f"{thing}.elf", str(thing)], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", f"{thing}.elf", str(kernel)], check=True)
    write_image(build, kernel)
    command = Command(tmp_path, build)
    yield command
    left_behind = command.left_behind()
    command.end()
    assert left_behind == []


def write_image(build: Path, kernel: Path) -> None:
    """An image manifest with this kernel and a driver file that nobody looks into."""
    driver = build / "owner.sys"
    driver.write_bytes(b"not looked into")
    facts: dict[str, object] = {
        "name": "owner",
        "sys": str(driver),
        "inf": str(driver),
        "sha256": "",
        "hardware_ids": [],
        "replaces": None,
    }
    manifest = {
        "guest": "testkernel",
        "kernel": str(kernel),
        "kernel_sha256": hashlib.sha256(kernel.read_bytes()).hexdigest(),
        "drivers": {"owner": facts},
    }
    path = build / "images" / "testkernel" / "image.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest))

# SPDX-License-Identifier: MIT
"""What cannot be used is refused with a clear message and exit code 2, before any VM is started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir
from tests.end_to_end.conftest import Command, write_image

SUITE = """\
scenarios:
  one:
    about: Nothing happens.
    topology: buddy
    exercise: none
    steps: []
"""


@pytest.fixture
def doctored(tmp_path: Path) -> Command:
    """The command with a build directory of its own, of which tests leave something out."""
    build = tmp_path / "build"
    build.mkdir()
    shutil.copytree(build_dir() / "qemu-device", build / "qemu-device", ignore=shutil.ignore_patterns("obj", "qemu-*"))
    kernel = build / "kernel.bin"
    kernel.write_bytes(b"")
    write_image(build, kernel)
    return Command(tmp_path, build)


def test_an_unknown_scenario_key(doctored: Command) -> None:
    ended = doctored("run", doctored.suite(SUITE.replace("topology:", "topologie:")))
    assert ended.exit_code == 2
    assert f"{doctored.directory}/suite.yaml:4: unknown key 'topologie' in one; did you mean 'topology'?" in ended.output
    assert "Valid keys: about, guest, topology" in ended.output


def test_an_unknown_scenario(doctored: Command) -> None:
    ended = doctored("run", doctored.suite(SUITE), "--only", "won")
    assert ended.exit_code == 2 and "has no scenario 'won'; did you mean 'one'?" in ended.output


def test_a_missing_image(doctored: Command) -> None:
    shutil.rmtree(doctored.build / "images")
    ended = doctored("run", doctored.suite(SUITE))
    assert ended.exit_code == 2
    assert "there is no image for the guest 'testkernel'" in ended.output and "Run `make image`." in ended.output


def test_a_qemu_of_another_version(doctored: Command) -> None:
    facts = doctored.build / "qemu-device" / "module.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "qemu_version": "9.9.9"}))
    ended = doctored("run", doctored.suite(SUITE))
    assert ended.exit_code == 2
    assert "the QEMU module was built for QEMU 9.9.9" in ended.output and "it was not loaded" in ended.output


def test_a_qemu_that_is_not_there(doctored: Command) -> None:
    ended = doctored("run", doctored.suite(SUITE), "--qemu", "qemu-system-nonsense")
    assert ended.exit_code == 2 and "there is no qemu-system-nonsense" in ended.output


def test_a_driver_that_the_image_does_not_have(doctored: Command) -> None:
    ended = doctored("run", doctored.suite(SUITE + "    replace: {owner: owner-forgets}\n"))
    assert ended.exit_code == 2
    assert "suite.yaml:3: scenario one: the image has no driver 'owner-forgets'" in ended.output


def test_a_driver_with_an_import_that_the_kernel_lacks(tmp_path: Path) -> None:
    command = Command(tmp_path, tmp_path / "build")
    kernel, driver = command.build / "testkernel", command.build / "drivers" / "owner"
    for folder in (kernel, driver):
        folder.mkdir(parents=True)
    real = build_dir() / "drivers" / "owner"
    if not (real / "owner.sys").is_file():
        pytest.skip("the drivers are not built")
    for name in ("owner.sys", "owner.inf"):
        shutil.copy(real / name, driver / name)
    for empty in ("kernel.bin", "s1.aml"):
        (kernel / empty).write_bytes(b"")
    source = tmp_path / "kernel.c"
    source.write_text("__declspec(dllexport) int IoFrobnicate(void) { return 0; }")
    subprocess.run(["x86_64-w64-mingw32-gcc", "-nostdlib", "-shared", "-o", str(kernel / "kernel.exe"), str(source)], check=True)
    ended = command("image", "--no-build")
    assert ended.exit_code == 2
    assert "driver owner imports ntoskrnl.exe!IoCreateDevice, which the test kernel does not export" in ended.output


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_no_space(doctored: Command) -> None:
    small = doctored.directory / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)], check=True)
    try:
        ended = doctored("run", doctored.suite(SUITE), "--runs", str(small))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert ended.exit_code == 2
    assert f"no space: {small} has 1 MiB free, but a run needs" in ended.output
    assert "choose another place with --runs" in ended.output


def test_a_port_in_use_needs_one_scenario(doctored: Command) -> None:
    two = SUITE + SUITE.split("\n", 1)[1].replace("  one:", "  two:")
    ended = doctored("run", doctored.suite(two), "--gdb", "1234")
    assert ended.exit_code == 2 and "--gdb needs exactly one scenario, but 2 are chosen" in ended.output


def test_a_directory_that_is_no_run(doctored: Command) -> None:
    ended = doctored("report", str(doctored.directory))
    assert ended.exit_code == 2 and "is no run directory" in ended.output


def test_wrong_usage() -> None:
    command = Command(Path("/nowhere"), Path("/nowhere"))
    ended = command("frobnicate")
    assert ended.exit_code == 2 and "invalid choice" in ended.output

# SPDX-License-Identifier: MIT
"""The same tests on other builds: with address and undefined-behaviour sanitizers, in Debian's QEMU 10.0, and built into it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.device.conftest import HERE, ROOT

pytestmark = pytest.mark.long

DEVICE = ROOT / "qemu-device"
FETCH = DEVICE / "tools" / "fetch-qemu.sh"


def run_tests(**environment: str) -> None:
    """The quick device tests in another environment."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "not long", "-p", "no:cacheprovider", str(HERE)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-6000:]


def runtime(name: str) -> str:
    """Where gcc keeps a sanitizer's run-time library."""
    return subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()


def test_sanitized_build(tmp_path: Path) -> None:
    """An error that a sanitizer finds ends QEMU, which fails the test that provoked it."""
    subprocess.run(["make", "-s", "-C", str(DEVICE), f"BUILD={tmp_path}", "SANITIZE=1"], check=True)
    run_tests(
        BUDDY_MODULE=str(tmp_path / "qemu-device-sanitized" / "buddy.so"),
        BUDDY_PRELOAD=f"{runtime('libasan.so')} {runtime('libubsan.so')}",
    )


def fetched(directory: Path, suite: str) -> Path:
    """A QEMU of Debian's, unpacked and not installed, with its source; skips where it cannot be had."""
    result = subprocess.run([str(FETCH), str(directory), suite], capture_output=True, text=True, check=False)
    if result.returncode:
        pytest.skip(f"QEMU of {suite} cannot be had here: {result.stderr.strip()}")
    return directory


def kept(name: str, otherwise: Path) -> Path:
    """A directory that the environment names, to be kept between runs, or one of the test's own."""
    return Path(os.environ.get(name, otherwise))


@pytest.mark.parametrize("suite", ["bookworm-backports", "trixie"])
def test_qemu_10(tmp_path: Path, suite: str) -> None:
    """The module built with `make QEMU=… QEMU_SRC=…`, as for any distribution. BUDDY_QEMU10_<SUITE> names a kept directory."""
    variable = "BUDDY_QEMU10_" + suite.upper().replace("-", "_")
    directory = fetched(kept(variable, tmp_path / "qemu10"), suite)
    qemu = directory / "qemu-system-x86_64"
    make = ["make", "-s", "-C", str(DEVICE), f"BUILD={tmp_path}", f"QEMU={qemu}", f"QEMU_SRC={directory / 'source'}"]
    subprocess.run(make, check=True)
    run_tests(BUDDY_MODULE=str(tmp_path / "qemu-device" / "buddy.so"), BUDDY_QEMU=str(qemu))


def test_dropped_into_a_qemu_10_tree(tmp_path: Path) -> None:
    """The sources in a QEMU tree, configured for as little as they need, and built; with the distribution's firmware."""
    directory = fetched(kept("BUDDY_QEMU10_BOOKWORM_BACKPORTS", tmp_path / "qemu10"), "bookworm-backports")
    tree, build = tmp_path / "tree", kept("BUDDY_QEMU10_BUILD", tmp_path / "build")
    shutil.copytree(directory / "source", tree)
    subprocess.run([str(DEVICE / "tools" / "drop-in.sh"), str(tree)], check=True)
    subprocess.run([str(DEVICE / "tools" / "configure-qemu.sh"), str(tree), str(build)], check=True)
    subprocess.run(["ninja", "-C", str(build), "qemu-system-x86_64", "accel-qtest-x86_64.so"], check=True, capture_output=True)
    start = tmp_path / "qemu-system-x86_64"
    start.write_text(
        f'#!/bin/sh\nexec "{build}/qemu-system-x86_64" -L "{directory}/root/usr/share/qemu"'
        f' -L "{directory}/root/usr/share/seabios" "$@"\n'
    )
    start.chmod(0o755)
    run_tests(BUDDY_MODULE="in-tree", BUDDY_QEMU=str(start))

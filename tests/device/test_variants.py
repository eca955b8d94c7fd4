# SPDX-License-Identifier: MIT
"""The same tests on other builds: with the address and undefined-behaviour sanitizers, and in QEMU 10.0."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.device.conftest import HERE, ROOT

pytestmark = pytest.mark.long

DEVICE = ROOT / "qemu-device"


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


def test_qemu_10(tmp_path: Path) -> None:
    """Debian's QEMU 10.0 from backports, unpacked and not installed. BUDDY_QEMU10 names a directory that keeps it."""
    kept = Path(os.environ.get("BUDDY_QEMU10", tmp_path / "qemu10"))
    fetched = subprocess.run([str(DEVICE / "tools" / "fetch-qemu.sh"), str(kept)], capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"QEMU 10.0 cannot be had here: {fetched.stderr.strip()}")
    qemu = kept / "qemu-system-x86_64"
    subprocess.run(
        ["make", "-s", "-C", str(DEVICE), f"BUILD={tmp_path}", f"QEMU={qemu}", f"QEMU_SRC={kept / 'source'}"], check=True
    )
    run_tests(BUDDY_MODULE=str(tmp_path / "qemu-device" / "buddy.so"), BUDDY_QEMU=str(qemu))

# SPDX-License-Identifier: MIT
"""python -m driverpack: what it prints and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from driverpack import certificate, package

HERE = Path(__file__).resolve().parent
PACKAGING = HERE.parents[2] / "guest-drivers" / "packaging"


def driverpack(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program."""
    environment = os.environ | {"PYTHONPATH": str(PACKAGING)}
    command = [sys.executable, "-m", "driverpack", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_wrong_usage() -> None:
    done = driverpack("sign")
    assert done.returncode == 2
    assert "usage: driverpack" in done.stderr


def test_check(tmp_path: Path) -> None:
    good = HERE / "good" / "function-driver.inf"
    assert driverpack("check", good).stdout == "1 INF files break no rule\n"
    bad = tmp_path / "bad.inf"
    bad.write_text(good.read_text().replace("CatalogFile = good.cat", ""))
    done = driverpack("check", good, bad)
    assert done.returncode == 1
    assert done.stdout.startswith("bad.inf:3: 1233: Missing directive CatalogFile required for digital signature (https://")


def test_a_file_that_is_not_there() -> None:
    done = driverpack("check", "/nowhere/x.inf")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "/nowhere/x.inf" in done.stderr


def test_package_and_verify(built: Path, tmp_path: Path) -> None:
    done = driverpack("package", built / "oven", "--out", tmp_path / "out", "--signing", tmp_path / "signing")
    assert (done.returncode, done.stdout) == (0, f"[package] {tmp_path / 'out' / 'oven'}\n"), done.stderr
    trusted = certificate.SigningKey(tmp_path / "signing").pem
    assert driverpack("verify", tmp_path / "out" / "oven", "--certificate", trusted).returncode == 0
    inf = package.Package(tmp_path / "out" / "oven", "oven").inf
    inf.write_text(inf.read_text() + "; changed\n")
    done = driverpack("verify", tmp_path / "out" / "oven", "--certificate", trusted)
    assert done.returncode == 1
    assert "signify does not accept oven.inf by oven.cat" in done.stderr
    assert "Traceback" not in done.stderr

# SPDX-License-Identifier: MIT
"""The packaged images are the tested ones: they pass scenarios of the default suite, signed, and built by either compiler."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from driverpack import package

from tests.drivers.packaging.variants import build

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "import sys; from orchestrator.cli.main import main; sys.exit(main())"


def passes(images: dict[str, Path], scenarios: tuple[str, ...], folder: Path) -> None:
    """Run the scenarios with these images in the place of the built ones."""
    build = Path(os.environ.get("BUILD") or ROOT / "build")
    image = json.loads((build / "images" / "testkernel" / "image.json").read_text())
    for name, path in images.items():
        image["drivers"][name] |= {"sys": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "build" / "images" / "testkernel").mkdir(parents=True)
    (folder / "build" / "images" / "testkernel" / "image.json").write_text(json.dumps(image))
    (folder / "build" / "qemu-device").symlink_to(build / "qemu-device")
    command = [sys.executable, "-c", PROGRAM, "run", str(ROOT / "suites" / "default.yaml"), "--runs", str(folder / "runs")]
    command += [word for name in scenarios for word in ("--only", name)]
    environment = os.environ | {"BUILD": str(folder / "build")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(scenarios)} of {len(scenarios)} passed" in done.stdout


@pytest.mark.image
def test_signed_drivers_pass_scenarios(packages: dict[str, package.Package], tmp_path: Path) -> None:
    images = {name: made.image for name, made in packages.items()}
    passes(images, ("boot-owner-first", "hot-unplug", "toaster-and-oven"), tmp_path)


@pytest.mark.image
def test_drivers_of_both_compilers_share_the_hardware(tmp_path: Path) -> None:
    folder = build(tmp_path, "borrower", toolchain="clang")
    passes({"borrower": folder / "borrower" / "borrower.sys"}, ("boot-borrower-first", "suspend-resume"), tmp_path / "run")

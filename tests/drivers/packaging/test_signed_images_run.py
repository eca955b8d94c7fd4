# SPDX-License-Identifier: MIT
"""The images that are packaged are the images that are tested: signed, they run through scenarios of the default suite."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from driverpack import package

ROOT = Path(__file__).resolve().parents[3]
SCENARIOS = ("boot-owner-first", "hot-unplug", "toaster-and-oven")


@pytest.mark.image
def test_signed_drivers_pass_scenarios(packages: dict[str, package.Package], tmp_path: Path) -> None:
    build = Path(os.environ.get("BUILD") or ROOT / "build")
    image = json.loads((build / "images" / "testkernel" / "image.json").read_text())
    for name, made in packages.items():
        image["drivers"][name] |= {"sys": str(made.image), "sha256": hashlib.sha256(made.image.read_bytes()).hexdigest()}
    (tmp_path / "build" / "images" / "testkernel").mkdir(parents=True)
    (tmp_path / "build" / "images" / "testkernel" / "image.json").write_text(json.dumps(image))
    (tmp_path / "build" / "qemu-device").symlink_to(build / "qemu-device")
    program = "import sys; from orchestrator.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "run", str(ROOT / "suites" / "default.yaml")]
    command += ["--runs", str(tmp_path / "runs"), *(word for name in SCENARIOS for word in ("--only", name))]
    environment = os.environ | {"BUILD": str(tmp_path / "build")}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(SCENARIOS)} of {len(SCENARIOS)} passed" in done.stdout

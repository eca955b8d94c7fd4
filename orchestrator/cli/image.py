# SPDX-License-Identifier: MIT
"""`orchestrator image`: everything that a VM is made of, built by the makefiles, then put together and checked."""

from __future__ import annotations

import argparse
import subprocess

from orchestrator.base.errors import BadInput
from orchestrator.base.paths import build_dir, repository
from orchestrator.guest.assembly import assemble

PARTS = ("qemu-device", "guest-drivers", "images/testkernel")


def main(options: argparse.Namespace) -> int:
    """Run the command."""
    build, root = build_dir(), repository()
    if not options.no_build:
        for part in PARTS:
            print(f"[image] building {part}", flush=True)
            log = build / "log" / f"{part.replace('/', '-')}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            command = ["make", "-C", str(root / part), f"BUILD={build}", "-j2"]
            with log.open("wb") as output:
                done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
                raise BadInput(f"building {part} failed:\n{last}", f"Everything it said: {log}")
    image = assemble(build)
    correct = [driver.name for driver in image.drivers.values() if driver.replaces is None]
    mutants = [driver.name for driver in image.drivers.values() if driver.replaces is not None]
    print(f"[image] testkernel: drivers {', '.join(correct)}; mutants {', '.join(mutants) or 'none'}; every import is there")
    return 0

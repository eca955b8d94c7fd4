# SPDX-License-Identifier: MIT
"""Makes the bench that all scenarios of a run share: QEMU with its module, the accelerator, the guest's image."""

from __future__ import annotations

from orchestrator.base.paths import build_dir
from orchestrator.guest.catalogue import load_guest
from orchestrator.machine import accelerator, module
from orchestrator.scenario.execution import Bench


async def make_bench(guest: str, qemu: str, accel: str) -> Bench:
    """A bench from the build directory. `accel` is auto, kvm or tcg. Raises BadInput for whatever is missing."""
    build = build_dir()
    image = load_guest(guest, build)
    program = module.find_qemu(qemu)
    installation = await module.fitting(program, build / "qemu-device")
    chosen = await accelerator.choose(program, build / "accelerator.json", accel)
    return Bench(installation, chosen, image)

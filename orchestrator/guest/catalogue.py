# SPDX-License-Identifier: MIT
"""Which kinds of guest there are."""

from __future__ import annotations

from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.base.strict_yaml import nearest
from orchestrator.guest.guest import Guest
from orchestrator.guest.image import load_image
from orchestrator.guest.testkernel import TestKernel

GUESTS = ("testkernel",)


def load_guest(name: str, build: Path) -> Guest:
    """The guest called `name`, with its built image. Raises BadInput."""
    if name not in GUESTS:
        raise BadInput(f"there is no guest {name!r}{nearest(name, list(GUESTS))}", f"Known: {', '.join(GUESTS)}.")
    return TestKernel(load_image(build, name))

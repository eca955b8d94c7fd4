# SPDX-License-Identifier: MIT
"""The Visual Studio project names what the Makefile names. Nobody can build it here: only what a text can show is tested."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

GUEST_DRIVERS = Path(__file__).resolve().parents[3] / "guest-drivers"
PROJECT = GUEST_DRIVERS / "packaging" / "msvc" / "driver.vcxproj"


def test_same_include_folders_and_extra_sources_as_the_makefile() -> None:
    project = PROJECT.read_text()
    ElementTree.fromstring(project)
    makefile = (GUEST_DRIVERS / "Makefile").read_text()
    for folder in re.findall(r"\s-I(\S+)", makefile):
        assert f"$(Sources){folder}".replace("/", "\\") in project, f"include folder {folder}"
    for driver, extra in re.findall(r"^EXTRA_(\S+)\s*:= (\S+)$", makefile, re.M):
        assert re.search(rf"\$\(Sources\){extra}\\\*\.c", project), f"{extra}, of which {driver} is made"

# SPDX-License-Identifier: MIT
"""Our INF reader against another: SetupAPI, as Wine has it, must see the same sections, keys and values."""

from __future__ import annotations

from pathlib import Path

import pytest
from driverpack.inf import Inf

from tests.drivers.buddyctl.harness import BUILD, ROOT
from tests.drivers.buddyctl.wine import Wine

INFS = [*(ROOT / "guest-drivers").glob("*/*.inf"), *(ROOT / "tests" / "drivers" / "packaging" / "good").glob("*.inf")]
DRIVER_STORE = "C:\\windows\\system32\\unknown"  # what Wine makes of %13%

Sections = dict[str, list[tuple[str, ...]]]


def theirs(wine: Wine, path: Path) -> Sections:
    """The INF as SetupAPI reads it."""
    done = wine.run(str(BUILD / "buddyctl-tests" / "inf_dump.exe"), f"Z:{path}".replace("/", "\\"))
    assert done.returncode == 0, done.stdout
    sections: Sections = {}
    for line in done.stdout.decode().replace(DRIVER_STORE, "%13%").splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line[1:-1].lower(), [])
        else:
            lines.append(tuple(line.split("\t")[:-1]))
    return sections


def ours(path: Path) -> Sections:
    """The INF as we read it. A value that stands alone is the key as well, as SetupAPI has it."""
    inf = Inf.read(path)
    sections: Sections = {}
    for name, section in inf.sections.items():
        lines = sections.setdefault(name, [])
        for entry in section.entries:
            key = entry.values[0] if not entry.key and len(entry.values) == 1 else entry.key
            lines.append((inf.expand(key), *map(inf.expand, entry.values)))
    return sections


@pytest.mark.parametrize("path", sorted(INFS), ids=lambda path: path.stem)
def test_setupapi_reads_the_same(wine: Wine, path: Path) -> None:
    assert ours(path) == theirs(wine, path)

# SPDX-License-Identifier: MIT
"""A user's own driver package: an INF with the images that it names beside it, as Windows would install it."""

from __future__ import annotations

from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.guest.assembly import missing_imports, sha256
from orchestrator.guest.image import ImageDriver
from orchestrator.guest.inf import read_inf


def read_package(path: Path, exported: frozenset[str]) -> ImageDriver:
    """The package at `path`, an INF or a folder with exactly one; its name is the INF's.

    `exported` is what the guest's kernel exports. Raises BadInput when a file is missing, when the INF installs no driver, or
    when a driver imports what the kernel does not have (all such imports are named).
    """
    inf = _inf(path)
    facts = read_inf(inf)
    if not facts.binaries:
        raise BadInput(f"{inf} installs no driver", "It needs an AddService with a ServiceBinary.")
    images = [_beside(inf, name) for name in facts.binaries]
    lacking = [f"{image.name} imports {each}" for image in images for each in missing_imports(image, exported)]
    if lacking:
        raise BadInput(
            "\n".join(f"{inf}: {each}, which the test kernel does not export" for each in lacking),
            "docs/testkernel-exports.md lists what it exports.",
        )
    first, *others = images
    return ImageDriver(
        inf.stem.lower(),
        str(first),
        str(inf),
        sha256(first),
        facts.hardware_ids,
        None,
        tuple(str(image) for image in others),
    )


def _inf(path: Path) -> Path:
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix.lower() == ".inf")
        if len(found) != 1:
            names = ", ".join(each.name for each in found) or "none"
            raise BadInput(f"{path}: one INF was expected in this folder, but it has {names}", "Give the INF's own path.")
        return found[0].resolve()
    if not path.is_file():
        raise BadInput(f"there is no driver package {path}", "Give a folder with an INF, or an INF.")
    if path.suffix.lower() != ".inf":
        raise BadInput(f"{path} is no INF", "Give the INF that installs the driver; the images that it names belong beside it.")
    return path.resolve()


def _beside(inf: Path, name: str) -> Path:
    for each in inf.parent.iterdir():
        if each.name.lower() == name.lower():
            return each
    raise BadInput(f"{inf} names {name}, which is not in {inf.parent}", "Put it there: a package is complete in one folder.")

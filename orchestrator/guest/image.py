# SPDX-License-Identifier: MIT
"""An image's manifest (image.json): kernel, drivers with their INFs, and hashes. Written by assembly.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.base.errors import BadInput


@dataclass(frozen=True)
class ImageDriver:
    """A driver in the image. `replaces` is the driver of which it is a mutant, None for a correct one.

    `others` are the further binaries that its INF installs, such as filters.
    """

    name: str
    sys: str
    inf: str
    sha256: str
    hardware_ids: tuple[str, ...]
    replaces: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Image:
    """A guest that can be booted. Paths are absolute. `acpi_tables` are files that its machine gets by -acpitable."""

    guest: str
    kernel: str
    kernel_sha256: str
    drivers: Mapping[str, ImageDriver]
    acpi_tables: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write the manifest."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def image_path(build: Path, guest: str) -> Path:
    """Where the manifest of a guest's image is."""
    return build / "images" / guest / "image.json"


def load_image(build: Path, guest: str) -> Image:
    """The image of a guest; raises BadInput when it is missing or one of its files is."""
    path = image_path(build, guest)
    if not path.is_file():
        raise BadInput(f"there is no image for the guest {guest!r}: {path} is missing", "Run `make image`.")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        drivers = {
            name: ImageDriver(**{**facts, "hardware_ids": tuple(facts["hardware_ids"]), "others": tuple(facts.get("others", ()))})
            for name, facts in data["drivers"].items()
        }
        image = Image(data["guest"], data["kernel"], data["kernel_sha256"], drivers, tuple(data.get("acpi_tables", ())))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not an image manifest: {error}", "Run `make clean image`.") from error
    for file in (
        image.kernel,
        *image.acpi_tables,
        *(each for driver in image.drivers.values() for each in (driver.sys, driver.inf)),
    ):
        if not Path(file).is_file():
            raise BadInput(f"the image names {file}, which is missing", "Run `make image`.")
    return image

# SPDX-License-Identifier: MIT
"""Rules for [Manufacturer], models sections and hardware ids."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driverpack.inf import Inf
from driverpack.rules.rule import Problems, rule

ARCHITECTURES = ("ntamd64", "ntx86", "ntarm64")
DIRID_13_SINCE = (10, 0, 16299)  # the build that brought "run from the driver store"


def is_extension(inf: Inf) -> bool:
    """Does the INF add to what another one installs? Then function driver and security are that one's business."""
    return inf.version("Class").lower() in ("extension", "softwarecomponent")


def primitive_sections(inf: Inf) -> list[str]:
    """The DefaultInstall sections of an INF that installs no device."""
    return [section.name for key, section in inf.sections.items() if re.fullmatch(r"defaultinstall(\.nt\w+)?", key)]


def target_version(decoration: str) -> tuple[int, int, int]:
    """The lowest system that NTamd64.10.0...16299 admits; zeros for what is not said."""
    parts = decoration.split(".")
    numbers = [int(part) if part.isdecimal() else 0 for part in (*parts[1:3], *parts[5:6])]
    numbers += [0] * (3 - len(numbers))
    return numbers[0], numbers[1], numbers[2]


def install_sections(inf: Inf) -> Iterator[tuple[int, str, str]]:
    """Each install section that counts on x64: line of its reference, its full name, the decoration of its models section."""
    for entry, name, _, decoration in inf.devices():
        architecture = decoration.split(".")[0]
        candidates = [f"{name}.{architecture}", f"{name}.nt", name] if architecture else [f"{name}.nt", name]
        found = next((candidate for candidate in candidates if inf.section(candidate)), name)
        yield entry.line, found, decoration
    for name in primitive_sections(inf):
        section = inf.section(name)
        yield section.line if section else 1, name, ""


@rule("1212")
def one_kind_of_installation(inf: Inf) -> Problems:
    """Devices or a primitive driver, not both."""
    manufacturer = inf.section("Manufacturer")
    if manufacturer and primitive_sections(inf):
        yield manufacturer.line, "Cannot have both [DefaultInstall] and [Manufacturer]"


@rule("1297")
def some_device(inf: Inf) -> Problems:
    """A device driver installs on some device; an INF without devices is a primitive driver."""
    manufacturer = inf.section("Manufacturer")
    if not any(identifiers for _, _, identifiers, _ in inf.devices()) and not primitive_sections(inf):
        yield manufacturer.line if manufacturer else 1, "Device driver does not install on any devices"


@rule("2223")
def architecture(inf: Inf) -> Problems:
    """A models section without architecture is for x86 only."""
    for entry, name, decoration in inf.models():
        if decoration.split(".")[0].lower() not in ARCHITECTURES:
            yield entry.line, f"Section [{name}] should have an architecture decoration, such as NTamd64.10.0...16299"


@rule("2223")
def primitive_architecture(inf: Inf) -> Problems:
    """The same for a primitive driver."""
    for name in primitive_sections(inf):
        section = inf.section(name)
        if "." not in name and section:
            yield section.line, f"Section [{name}] should have an architecture decoration, such as .NTamd64"


@rule("1203")
def models_exist(inf: Inf) -> Problems:
    """[Manufacturer] names sections that are there."""
    for entry, name, _ in inf.models():
        if not inf.section(name):
            yield entry.line, f"Section [{name}] not found"


@rule("1203")
def installs_exist(inf: Inf) -> Problems:
    """Models name install sections that are there."""
    for line, name, _ in install_sections(inf):
        if not inf.section(name):
            yield line, f"Section [{name}] not found"


@rule("1199", "install/using-dirids")
def driver_store_since(inf: Inf) -> Problems:
    """Directory 13 is new in Windows 10 1709: earlier systems must not get to see it."""
    uses = any("13" in entry.value(0) for entry in inf.entries("DestinationDirs"))
    for entry, name, decoration in inf.models():
        if uses and target_version(decoration) < DIRID_13_SINCE:
            build = ".".join(map(str, DIRID_13_SINCE))
            yield (
                entry.line,
                f"DirId 13 was introduced in {build} but [{name}] installs on earlier systems; decorate it NTamd64.10.0...16299",
            )


@rule("hardware-id", "install/device-identification-strings")
def identifiers(inf: Inf) -> Problems:
    """Hardware ids are up to 200 printable characters without comma or blank, and begin with an enumerator."""
    for entry, _, ids, _ in inf.devices():
        for identifier in ids:
            enumerated = identifier.startswith("*") or "\\" in identifier
            if len(identifier) > 200 or not re.fullmatch(r"[!-+\--~]+", identifier) or not enumerated:
                expected = "ENUMERATOR\\ID of up to 200 characters, without blanks and commas"
                yield entry.line, f"'{identifier}' is no hardware id: expected {expected}"


@rule("device-twice", "install/inf-models-section")
def device_once(inf: Inf) -> Problems:
    """The same hardware id twice in one models section: only one of both install sections can win."""
    seen: set[tuple[str, str]] = set()
    for entry, _, ids, decoration in inf.devices():
        for identifier in ids[:1]:
            if (decoration, identifier.lower()) in seen:
                yield entry.line, f"hardware id {identifier} is listed twice"
            seen.add((decoration, identifier.lower()))

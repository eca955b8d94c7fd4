# SPDX-License-Identifier: MIT
"""Rules for services."""

from __future__ import annotations

from collections.abc import Iterator

from driverpack.inf import Entry, Inf
from driverpack.rules.files import copies
from driverpack.rules.models import install_sections, is_extension
from driverpack.rules.rule import Problems, rule

ADDSERVICE_PAGE = "install/inf-addservice-directive"
FUNCTION_DRIVER = 2  # SPSVCINST_ASSOCSERVICE
LIMITS = {"ServiceType": {1, 2}, "StartType": {0, 1, 2, 3, 4}, "ErrorControl": {0, 1, 2, 3}}


def number(text: str) -> int | None:
    """A number as INFs write it; None if it is none."""
    try:
        return int(text or "0", 0)
    except ValueError:
        return None


def service_directives(inf: Inf) -> Iterator[tuple[str, str, Entry]]:
    """Each AddService: the install section, its decoration, the directive."""
    for _, install, decoration in install_sections(inf):
        section = inf.section(f"{install}.Services")
        for entry in section.all("AddService") if section else []:
            yield install, decoration, entry


@rule("1296")
def every_install_has_its_service(inf: Inf) -> Problems:
    """A device's install section has a .Services section with exactly one function driver."""
    for line, install, decoration in install_sections(inf):
        if not decoration or not inf.section(install) or is_extension(inf):
            continue
        section = inf.section(f"{install}.Services")
        entries = section.all("AddService") if section else []
        associated = [entry for entry in entries if (number(inf.expand(entry.value(1))) or 0) & FUNCTION_DRIVER]
        if section is None or (len(associated) != 1 and not section.all("Needs")):
            yield (
                line,
                f"Specified service not associated with hardware: [{install}.Services] must have one AddService with flag 2",
            )


@rule("1203")
def service_sections_exist(inf: Inf) -> Problems:
    """AddService names a service install section that is there; the null service (`,2`) has none."""
    for _, _, entry in service_directives(inf):
        if entry.value(0) and not inf.section(entry.value(2)):
            yield entry.line, f"Section [{entry.value(2)}] not found"


@rule("service-directives", ADDSERVICE_PAGE)
def service_directives_are_complete(inf: Inf) -> Problems:
    """ServiceType, StartType and ErrorControl are given and in range."""
    for _, _, entry in service_directives(inf):
        section = inf.section(entry.value(2))
        for key, allowed in LIMITS.items() if section else []:
            directive = section.first(key) if section else None
            value = number(inf.expand(directive.value(0))) if directive else None
            if value not in allowed:
                line = directive.line if directive else entry.line
                yield line, f"[{entry.value(2)}] must have {key} = one of {sorted(allowed)}; it is {value}"


@rule("service-binary", ADDSERVICE_PAGE)
def service_binary_is_copied(inf: Inf) -> Problems:
    """ServiceBinary is a file that this INF copies, at the place to which it copies it."""
    targets = {f"%{copy.directory}%\\{copy.folder}\\{copy.target}".replace("\\\\", "\\").lower() for copy in copies(inf)}
    for _, _, entry in service_directives(inf):
        section = inf.section(entry.value(2))
        directive = section.first("ServiceBinary") if section else None
        binary = inf.expand(directive.value(0)) if directive else ""
        if section and binary.lower() not in targets:
            yield (directive or entry).line, f"ServiceBinary is '{binary}'; the INF copies {sorted(targets) or 'nothing'}"


@rule("1333")
def one_configuration_a_service(inf: Inf) -> Problems:
    """A service is installed in one way."""
    configurations: dict[str, str] = {}
    for _, _, entry in service_directives(inf):
        name, section = entry.value(0).lower(), entry.value(2).lower()
        if name and configurations.setdefault(name, section) != section:
            yield entry.line, f"Cannot install service '{name}' in different ways ([{configurations[name]}] and [{section}])"

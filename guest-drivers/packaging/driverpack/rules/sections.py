# SPDX-License-Identifier: MIT
"""Rules for sections: used ones, needed ones, and those that Windows no longer wants."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driverpack.inf import Inf
from driverpack.rules.models import install_sections, primitive_sections
from driverpack.rules.rule import Problems, rule
from driverpack.rules.version import CLASSES

ALWAYS_USED = re.compile(
    r"version|manufacturer|destinationdirs|strings(\..+)?|sourcedisks(names|files)(\..+)?|controlflags|signatureattributes(\..+)?|classinstall32(\..+)?"
)
# Directives whose values are names of sections; AddService and its like have one at a fixed place.
LISTS = {"copyfiles", "delfiles", "renfiles", "addreg", "delreg", "addproperty", "delproperty", "bitreg", "needs"}
PLACES = {
    "addservice": (2, 3),
    "kmdfservice": (1,),
    "umdfservice": (1,),
    "addcomponent": (2,),
    "addsoftware": (2,),
    "addeventprovider": (1,),
    "addinterface": (2,),
    "addfilter": (2,),
}
EXTENSIONS = {
    *("hw", "services", "coinstallers", "logconfigoverride", "interfaces"),
    *("wdf", "events", "components", "software", "filters"),
}
LEGACY_DIRECTIVES = {"logconfig": "LogConfig", "profileitems": "ProfileItems", "copyinf": "CopyINF", "updateinis": "UpdateInis"}
IGNORED_DIRECTIVES = {"updateinifields", "ini2reg"}
REMOVING_DIRECTIVES = {"delfiles": "DelFiles", "delservice": "DelService", "renfiles": "RenFiles", "delreg": "DelReg"}


def references(inf: Inf) -> Iterator[tuple[int, str, str, str]]:
    """Each section that another one names: line, the directive, the section in which it stands, the section that it names."""
    for section in inf.sections.values():
        for entry in section.entries:
            key = entry.key.lower()
            places = range(len(entry.values)) if key in LISTS else PLACES.get(key, ())
            for place in places:
                if entry.value(place) and not entry.value(place).startswith("@"):
                    yield entry.line, entry.key, section.name, entry.value(place)


def used_sections(inf: Inf) -> set[str]:
    """Everything that installation can come to, in lower case."""
    used = {name.lower() for _, name, _ in inf.models()} | {name.lower() for name in primitive_sections(inf)}
    for _, install, _ in install_sections(inf):
        used |= {install.lower(), *(f"{install.lower()}.{extension}" for extension in EXTENSIONS)}
    for name in primitive_sections(inf):
        used |= {f"{name.lower()}.{extension}" for extension in EXTENSIONS}
    return used | {name.lower() for _, _, _, name in references(inf)}


@rule("2083")
def sections_are_used(inf: Inf) -> Problems:
    """A section that nothing names is a mistake, mostly in a name."""
    used = used_sections(inf)
    for key, section in inf.sections.items():
        if key not in used and not ALWAYS_USED.fullmatch(key):
            yield section.line, f"Section [{section.name}] not referenced or used"


@rule("1205")
def sections_have_one_meaning(inf: Inf) -> Problems:
    """A section read as two kinds of list means different things in both."""
    meanings: dict[str, str] = {}
    for line, directive, _, name in references(inf):
        first = meanings.setdefault(name.lower(), directive.lower())
        if first != directive.lower() and "needs" not in (first, directive.lower()):
            yield line, f"Section [{name}] referenced from {first} and {directive} directives"


@rule("1310")
def needs_the_same_kind(inf: Inf) -> Problems:
    """Needs in X.Services names a .Services section, and so on."""
    for line, directive, section, name in references(inf):
        if directive.lower() == "needs" and extension(section) != extension(name):
            yield line, f"[{section}] needs [{name}]: both must have the same extension"


def extension(section: str) -> str:
    """Services, HW … of a section's name; empty for an install section itself."""
    last = section.rsplit(".", 1)[-1].lower()
    return last if "." in section and last in EXTENSIONS else ""


@rule("1313")
def needs_with_include(inf: Inf) -> Problems:
    """A section with Needs says in which INF the needed one is, unless it is in this one."""
    for section in inf.sections.values():
        for entry in section.all("Needs"):
            if any(not inf.section(value) for value in entry.values) and not section.all("Include"):
                yield entry.line, f"[{section.name}] has Needs without the Include of the INF that has the section"


@rule("1300")
def no_legacy_sections(inf: Inf) -> Problems:
    """Co-installers and the like are not for Windows 10."""
    for key, section in inf.sections.items():
        if extension(key) in ("coinstallers", "logconfigoverride"):
            yield section.line, f"Found legacy section [{section.name}]"


@rule("1301")
def no_legacy_directives(inf: Inf) -> Problems:
    """Directives that only old systems know."""
    for section in inf.sections.values():
        for entry in section.entries:
            if name := LEGACY_DIRECTIVES.get(entry.key.lower()):
                yield entry.line, f"Found legacy operation {name} in [{section.name}]"


@rule("1302")
def nothing_is_removed(inf: Inf) -> Problems:
    """A driver package does not delete what others installed."""
    for section in inf.sections.values():
        for entry in section.entries:
            if name := REMOVING_DIRECTIVES.get(entry.key.lower()):
                yield entry.line, f"Found legacy {name} operation in [{section.name}]: it affects what is outside the package"


@rule("2222")
def nothing_is_ignored(inf: Inf) -> Problems:
    """Directives that Windows passes over."""
    for section in inf.sections.values():
        for entry in section.entries:
            if entry.key.lower() in IGNORED_DIRECTIVES:
                yield entry.line, f"Legacy directive '{entry.key}' will be ignored"


@rule("1285")
def no_class_installer(inf: Inf) -> Problems:
    """A package for a class of Microsoft's does not define that class."""
    for key, section in inf.sections.items():
        if key.split(".")[0] == "classinstall32" and inf.version("ClassGuid").lower() in CLASSES.values():
            yield section.line, "Cannot specify [ClassInstall32] section for Microsoft-defined class"

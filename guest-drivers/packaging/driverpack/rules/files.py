# SPDX-License-Identifier: MIT
"""Rules for the files that an INF copies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from driverpack.inf import Inf
from driverpack.rules.models import install_sections
from driverpack.rules.rule import Problems, rule

DRIVER_STORE = "13"
# Directories under %SystemRoot% (10 and what lies in it), and the driver store.
SYSTEM_DIRECTORIES = {"10", "11", "12", "13", "17", "18", "20", "52", "55"}


@dataclass(frozen=True)
class Copy:
    """A file that is copied: by which line, from which name, to which name, directory number and folder below it."""

    line: int
    source: str
    target: str
    directory: str
    folder: str


def copy_sections(inf: Inf) -> Iterator[tuple[int, str]]:
    """The file lists that CopyFiles directives name, with the directive's line; files given by @name are no lists."""
    for _, install, _ in install_sections(inf):
        section = inf.section(install)
        for entry in section.all("CopyFiles") if section else []:
            for value in entry.values:
                yield entry.line, value


def destination(inf: Inf, section: str) -> tuple[str, str]:
    """Directory number and folder of a file list; empty when [DestinationDirs] does not say."""
    directories = inf.section("DestinationDirs")
    entry = (directories.first(section) or directories.first("DefaultDestDir")) if directories else None
    return (entry.value(0), inf.expand(entry.value(1))) if entry else ("", "")


def copies(inf: Inf) -> Iterator[Copy]:
    """All files that the INF copies."""
    for line, name in copy_sections(inf):
        if name.startswith("@"):
            yield Copy(line, name[1:], name[1:], *destination(inf, "DefaultDestDir"))
            continue
        for entry in inf.entries(name):
            target = inf.expand(entry.value(0))
            yield Copy(entry.line, inf.expand(entry.value(1)) or target, target, *destination(inf, name))


def source_folder(inf: Inf, file: str) -> str | None:
    """The folder of a file in the package; None if no [SourceDisksFiles] lists it."""
    for key, section in inf.sections.items():
        if key.split(".")[0] == "sourcedisksfiles":
            for entry in section.all(file):
                return inf.expand(entry.value(1))
    return None


@rule("1203")
def file_lists_exist(inf: Inf) -> Problems:
    """CopyFiles names sections; a file itself needs an @."""
    for line, name in copy_sections(inf):
        if not name.startswith("@") and not inf.section(name):
            yield line, f"Section [{name}] not found; a file is written @{name}"


@rule("1230")
def files_have_a_source(inf: Inf) -> Problems:
    """Every copied file is in [SourceDisksFiles]."""
    for copy in copies(inf):
        if source_folder(inf, copy.source) is None:
            yield copy.line, f"Missing file '{copy.source}' under [SourceDisksFiles] section"


@rule("1100")
def driver_store_names(inf: Inf) -> Problems:
    """A file that runs from the driver store keeps its place and name there."""
    for copy in copies(inf):
        folder = source_folder(inf, copy.source)
        moved = folder is not None and folder.strip("\\").lower() != copy.folder.strip("\\").lower()
        if copy.directory == DRIVER_STORE and (moved or copy.source.lower() != copy.target.lower()):
            yield copy.line, f"'{copy.source}' is renamed or moved within the driver store; it must keep its name and folder"


@rule("destination-dirs", "install/inf-destinationdirs-section")
def every_list_has_a_destination(inf: Inf) -> Problems:
    """[DestinationDirs] says where each file list goes."""
    for line, name in copy_sections(inf):
        if not destination(inf, name.lstrip("@"))[0]:
            yield line, f"[DestinationDirs] has neither '{name}' nor DefaultDestDir"


@rule("1306")
def under_system_root(inf: Inf) -> Problems:
    """Files go below %SystemRoot% or stay in the driver store."""
    for copy in copies(inf):
        if copy.directory and copy.directory not in SYSTEM_DIRECTORIES:
            yield copy.line, f"Found legacy operation with non-system target path (DirId {copy.directory}) for '{copy.target}'"


@rule("1330")
def one_source_a_file(inf: Inf) -> Problems:
    """One destination has one source."""
    sources: dict[tuple[str, str, str], str] = {}
    for copy in copies(inf):
        key = (copy.directory, copy.folder.lower(), copy.target.lower())
        if sources.setdefault(key, copy.source.lower()) != copy.source.lower():
            yield (
                copy.line,
                f"Cannot copy multiple different source files ('{sources[key]}' and '{copy.source}') to '{copy.target}'",
            )


@rule("source-disk", "install/inf-sourcedisksfiles-section")
def source_disks_exist(inf: Inf) -> Problems:
    """[SourceDisksFiles] refers to disks of [SourceDisksNames]."""
    disks = {
        entry.key for key, section in inf.sections.items() if key.split(".")[0] == "sourcedisksnames" for entry in section.entries
    }
    for key, section in inf.sections.items():
        if key.split(".")[0] == "sourcedisksfiles":
            for entry in section.entries:
                if entry.value(0) not in disks:
                    yield entry.line, f"'{entry.key}' is on disk '{entry.value(0)}', which [SourceDisksNames] does not list"

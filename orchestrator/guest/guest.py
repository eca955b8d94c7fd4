# SPDX-License-Identifier: MIT
"""What every kind of guest has to offer. What is particular to one kind lives in its own file (testkernel.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class BootRequest:
    """How a scenario wants its guest to start. Each guest realises this in its own way."""

    # Drivers to install, by name in the image: `owner`, or a mutant's name.
    drivers: Sequence[str]
    # Which of two drivers that look for each other starts first.
    first: str | None = None
    # Seed of the guest's timing perturbation; None: the guest's own choice. A guest that has none ignores it.
    seed: int | None = None
    # Verbosity of the console log.
    log: str = "info"
    # Drivers of the image whose packages lie in the guest without being installed: for `buddyctl update`.
    packages: Sequence[str] = ()
    # More words for the guest's own command line, as its documentation names them.
    options: Sequence[str] = ()


@dataclass(frozen=True)
class CrashReport:
    """Why the guest stopped, as the guest itself tells it."""

    code: int
    name: str
    reason: str
    driver: str | None = None
    location: str | None = None
    # File and line of the location, and the backtrace with source lines: as far as there are symbols.
    source: str | None = None
    backtrace: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """One sentence for the report."""
        where = f" in {self.location or self.driver}" if self.location or self.driver else ""
        where += f" ({self.source})" if self.source else ""
        why = f": {self.reason}" if self.reason else ""
        return f"bugcheck 0x{self.code:X} {self.name}{where}{why}"


class Guest(Protocol):
    """A kind of guest, with the image it boots from."""

    name: str
    # Beginnings of trace lines by which the guest shows that its agent listens: after boot, after waking. May be empty.
    listening: Sequence[str]

    def qemu_arguments(self, request: BootRequest) -> list[str]:
        """QEMU's arguments that boot this guest; raises BadInput for a driver that the image does not have."""

    def with_packages(self, packages: Sequence[Path]) -> Guest:
        """The same guest with more driver packages (folders or INF files). Raises BadInput for one that it cannot take."""

    def drivers(self) -> Sequence[str]:
        """The drivers that the image installs when a scenario does not say otherwise."""

    def standing_for(self, driver: str) -> str:
        """The driver in whose place `driver` is installed: itself, or for a mutant the one that it is a mutant of."""

    def package(self, driver: str) -> str:
        """The path in the guest of the INF of a driver that is in `BootRequest.packages`."""

    def hardware_ids(self, driver: str) -> Sequence[str]:
        """The hardware ids, in capitals, that the driver's INF is for."""

    def software_devices(self, drivers: Sequence[str]) -> Sequence[str]:
        """The hardware ids of the root-enumerated devices that this guest has when these drivers are installed."""

    def crash_report(self, console: Path) -> CrashReport | None:
        """The report of a crash from the guest's own place, or None when there is none."""

    def symbol_files(self, drivers: Sequence[str]) -> Mapping[str, Path]:
        """For each image that the guest loads with these drivers, by the name that reports use: the file with its symbols."""

    def dump_script(self, dump: Path, report: CrashReport | None, console: Path, drivers: Sequence[str]) -> str | None:
        """A script for gdb that opens a memory dump with all symbols; None when gdb is not the tool for this guest."""

    def live_script(self, socket: str, drivers: Sequence[str]) -> str | None:
        """A script for gdb that attaches to the running guest at `socket` (a path or host:port); None as above."""

    def version(self) -> str:
        """What was booted, for the run's record."""

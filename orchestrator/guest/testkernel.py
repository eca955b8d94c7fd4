# SPDX-License-Identifier: MIT
"""All that is particular to the built-in test kernel: how it is booted and where its crash report is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.base.strict_yaml import nearest
from orchestrator.guest import gdb
from orchestrator.guest.assembly import exports
from orchestrator.guest.guest import BootRequest, CrashReport
from orchestrator.guest.image import Image, ImageDriver
from orchestrator.guest.package import read_package

_BUGCHECK = re.compile(r"^BUGCHECK (?P<facts>\{.*\})\s*$", re.MULTILINE)
_STOP = "*** STOP:"
# What follows the line for programs, up to the end of the report.
_TABLES = ("Threads:", "Locks:", "Devices:", "Pending IRPs:", "Last IRPs")
_LOADED = re.compile(r"\bloaded (?P<name>\S+) at (?P<base>[0-9A-Fa-f]{8,16})-")
_KERNEL = "ntoskrnl.exe"
# The kernel has no disks: without the chipset's SATA and SMBus controllers SeaBIOS is done 14 ms sooner. Nor does it use SMM,
# whose set-up and memory map cost each wake from S3 0.3 ms.
_FEWER_DEVICES = ("-machine", "sata=off,smbus=off,smm=off")


class TestKernel:
    """The test kernel: a multiboot image, its drivers and INFs as boot modules, options on the command line."""

    __test__ = False  # not a test class for pytest
    name = "testkernel"
    listening: Sequence[str] = ("kernel ready", "kernel resume")

    def __init__(self, image: Image) -> None:
        self._image = image

    def qemu_arguments(self, request: BootRequest) -> list[str]:
        """-kernel, -initrd and -append. Root-enumerated devices are those that an INF has a ROOT\\ id for."""
        chosen = [self._driver(name) for name in request.drivers]
        modules = [file for driver in chosen for file in (driver.sys, *driver.others, driver.inf)]
        for file in modules:
            if "," in file:
                raise BadInput(f"{file}: the path must not contain a comma: QEMU's -initrd separates modules by it")
        modules += [f"{file} package={name}" for name in request.packages for file in self._files(name)]
        roots = self.software_devices(request.drivers)
        options = [f"root={','.join(roots)}"] if roots else []
        if request.first:
            options.append(f"first={request.first}")
        if request.seed is not None:
            options.append(f"seed={request.seed}")
        options += [f"log={request.log}", *request.options]
        tables = [word for file in self._image.acpi_tables for word in ("-acpitable", f"file={file.replace(',', ',,')}")]
        return [
            *_FEWER_DEVICES,
            *tables,
            "-kernel",
            self._image.kernel,
            "-initrd",
            ",".join(modules),
            "-append",
            " ".join(options),
        ]

    def _files(self, name: str) -> list[str]:
        driver = self._driver(name)
        return [driver.sys, *driver.others, driver.inf]

    def _driver(self, name: str) -> ImageDriver:
        if name not in self._image.drivers:
            known = list(self._image.drivers)
            raise BadInput(f"the image has no driver {name!r}{nearest(name, known)}", f"It has: {', '.join(known)}.")
        return self._image.drivers[name]

    def with_packages(self, packages: Sequence[Path]) -> TestKernel:
        """The same guest with more drivers in its image."""
        if not packages:
            return self
        drivers = dict(self._image.drivers)
        exported = exports(Path(self._image.kernel).with_suffix(".exe"))
        for path in packages:
            driver = read_package(path, exported)
            if driver.name in drivers:
                raise BadInput(f"{path}: there is a driver called {driver.name!r} already", "Give the INF another name.")
            drivers[driver.name] = driver
        return TestKernel(replace(self._image, drivers=drivers))

    def drivers(self) -> Sequence[str]:
        """All correct drivers."""
        return [driver.name for driver in self._image.drivers.values() if driver.replaces is None]

    def standing_for(self, driver: str) -> str:
        """The correct driver in whose place a mutant is installed; a correct driver itself."""
        return self._driver(driver).replaces or driver

    def package(self, driver: str) -> str:
        """A boot module `owner.inf package=owner-next` is `owner-next\\owner.inf`."""
        return f"{driver}\\{Path(self._driver(driver).inf).name}"

    def hardware_ids(self, driver: str) -> Sequence[str]:
        """The hardware ids, in capitals, that the driver's INF is for."""
        return self._driver(driver).hardware_ids

    def software_devices(self, drivers: Sequence[str]) -> Sequence[str]:
        """The first id of each driver whose INF is for ROOT\\ ids only: the kernel is told to make a device of it.

        A driver that serves hardware as well gets such a device when somebody asks for one (`buddyctl add`).
        """
        found = (self._driver(name).hardware_ids for name in drivers)
        return [ids[0] for ids in found if ids and all(id.startswith("ROOT\\") for id in ids)]

    def symbol_files(self, drivers: Sequence[str]) -> Mapping[str, Path]:
        """DWARF of kernel (kernel.exe) and drivers (<driver>.debug); a driver without has its .sys, which may name a PDB."""
        files = {_KERNEL: Path(self._image.kernel).with_suffix(".exe")}
        for driver in map(self._driver, drivers):
            image = Path(driver.sys)
            debug = image.with_suffix(".debug")
            files[image.name] = debug if debug.is_file() else image
        return {name: file for name, file in files.items() if file.is_file()}

    def dump_script(self, dump: Path, report: CrashReport | None, console: Path, drivers: Sequence[str]) -> str | None:
        """Opens the dump. Where drivers were loaded says the report; if there is none (NMI not answered) the console log."""
        files = self.symbol_files(drivers)
        if report:
            images = [
                gdb.LoadedImage(str(i["name"]), int(i["base"])) for i in report.details.get("images", []) if not i["unloaded"]
            ]
        else:
            images = loaded_images(console.read_text(errors="replace"))
        return gdb.dump_script(dump, files[_KERNEL], images, files) if _KERNEL in files else None

    def live_script(self, socket: str, drivers: Sequence[str]) -> str | None:
        """Attaches to QEMU's gdb server; symbols of drivers come as the kernel loads them."""
        files = self.symbol_files(drivers)
        return gdb.live_script(socket, files[_KERNEL], files) if _KERNEL in files else None

    def version(self) -> str:
        """The kernel's hash."""
        return f"testkernel sha256:{self._image.kernel_sha256[:16]}"

    def crash_report(self, console: Path) -> CrashReport | None:
        """The BUGCHECK line on COM1, one JSON object, and the report for people before it."""
        try:
            text = console.read_text(errors="replace")
        except OSError:
            return None
        return parse_bugcheck(text)


def parse_bugcheck(console: str) -> CrashReport | None:
    """The first bugcheck in a console log; None when there is none or its last line is not written yet."""
    match = _BUGCHECK.search(console)
    if match is None:
        return None
    try:
        facts = json.loads(match["facts"])
    except ValueError:
        return None
    driver, function = facts.get("driver"), facts.get("function")
    begin = console.find(_STOP)
    return CrashReport(
        int(facts["code"]),
        str(facts.get("name", "?")),
        str(facts.get("reason", "")),
        str(driver).removesuffix(".sys") if driver else None,
        f"{driver}!{function}+0x{facts.get('offset', 0):x}" if driver and function else None,
        details={
            **facts,
            "console": console[begin if begin >= 0 else match.start() : match.end()],
            "tables": _tables(console[match.end() :]),
        },
    )


def _tables(text: str) -> dict[str, list[str]]:
    """The tables behind a report, by heading: threads, locks, devices, IRPs."""
    tables: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(_TABLES):
            tables[line.partition(" (")[0].rstrip(":").lower()] = table = []
        elif tables and line.strip():
            table.append(line.rstrip())
    return tables


def loaded_images(console: str) -> list[gdb.LoadedImage]:
    """Where the drivers were loaded, as the kernel's log tells."""
    return [gdb.LoadedImage(match["name"], int(match["base"], 16)) for match in _LOADED.finditer(console)]

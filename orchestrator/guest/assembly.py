# SPDX-License-Identifier: MIT
"""Makes the test kernel's image from what the makefiles built, and checks it without booting.

Every function that a driver imports must be one that the kernel exports; the guest would refuse the driver otherwise,
and here the message comes before any VM is started.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from orchestrator.base.errors import BadInput
from orchestrator.guest.image import Image, ImageDriver, image_path
from orchestrator.guest.inf import read_inf

# What a driver may import from: the names that the kernel's one export table stands for.
KERNEL_MODULES = ("ntoskrnl.exe", "hal.dll", "wmilib.sys")


@cache
def exports(kernel: Path) -> frozenset[str]:
    """The names that a PE kernel exports."""
    import pefile

    image = pefile.PE(str(kernel), fast_load=True)
    image.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXPORT"]])
    table = getattr(image, "DIRECTORY_ENTRY_EXPORT", None)
    return frozenset(symbol.name.decode() for symbol in table.symbols if symbol.name) if table else frozenset()


def imports(driver: Path) -> dict[str, list[str]]:
    """The functions that a driver imports, by module. Raises BadInput when the file is no x64 driver image."""
    import pefile

    try:
        image = pefile.PE(str(driver), fast_load=True)
    except pefile.PEFormatError as error:
        raise BadInput(f"{driver} is not a Windows driver image: {error}") from error
    if image.FILE_HEADER.Machine != pefile.MACHINE_TYPE["IMAGE_FILE_MACHINE_AMD64"]:
        raise BadInput(f"{driver} is not an x64 driver (machine type 0x{image.FILE_HEADER.Machine:x})")
    image.parse_data_directories(directories=[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
    return {
        entry.dll.decode().lower(): [
            symbol.name.decode() if symbol.name else f"ordinal {symbol.ordinal}" for symbol in entry.imports
        ]
        for entry in getattr(image, "DIRECTORY_ENTRY_IMPORT", [])
    }


def missing_imports(driver: Path, exported: frozenset[str]) -> list[str]:
    """`module!function` for each import of the driver that the kernel does not have."""
    return [
        f"{module}!{function}"
        for module, functions in imports(driver).items()
        for function in functions
        if module not in KERNEL_MODULES or function not in exported
    ]


def assemble(build: Path) -> Image:
    """Write build/images/testkernel/image.json and return it.

    Drivers are build/drivers/<driver>/<driver>.sys, mutants build/drivers/mutants/<mutant>/<driver>.sys. Raises BadInput
    when something is not built or a driver imports what the kernel does not have; all such imports are named at once.
    """
    kernel, symbols = build / "testkernel" / "kernel.bin", build / "testkernel" / "kernel.exe"
    s1 = build / "testkernel" / "s1.aml"
    for file in (kernel, symbols, s1):
        if not file.is_file():
            raise BadInput(f"the test kernel is not built: {file} is missing", "Run `make image`.")
    correct = [path for path in sorted((build / "drivers").glob("*/*.sys")) if path.stem == path.parent.name]
    if not correct:
        raise BadInput(f"no drivers are built: {build / 'drivers'} has none", "Run `make image`.")
    drivers = [_driver(path.stem, path, None) for path in correct]
    mutants = sorted((build / "drivers" / "mutants").glob("*/*.sys"))
    drivers += [_driver(path.parent.name, path, path.stem) for path in mutants]
    exported = exports(symbols)
    lacking = [(driver.name, each) for driver in drivers for each in missing_imports(Path(driver.sys), exported)]
    if lacking:
        raise BadInput(
            "\n".join(f"driver {driver} imports {each}, which the test kernel does not export" for driver, each in lacking),
            "Implement it in images/testkernel/, or do without it in the driver.",
        )
    image = Image("testkernel", str(kernel), sha256(kernel), {driver.name: driver for driver in drivers}, (str(s1),))
    image.save(image_path(build, "testkernel"))
    return image


def _driver(name: str, sys: Path, replaces: str | None) -> ImageDriver:
    inf = sys.with_suffix(".inf")
    if not inf.is_file():
        raise BadInput(f"driver {name} has no INF: {inf} is missing", "Run `make image`.")
    return ImageDriver(name, str(sys), str(inf), sha256(sys), read_inf(inf).hardware_ids, replaces)


def sha256(path: Path) -> str:
    """A file's SHA-256, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

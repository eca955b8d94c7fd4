# SPDX-License-Identifier: MIT
"""The built images are what Windows' loader expects of an x64 kernel driver."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pefile
import pytest

from tests.drivers.conftest import build_drivers

DRIVERS = ["owner", "borrower", "borrower-legacy", "fredbus", "toaster", "oven", "pnptest"]
DOCUMENTED = {
    line.split("#")[0].strip() for line in (Path(__file__).parent / "documented_functions.txt").read_text().splitlines()
} - {""}

SUBSYSTEM_NATIVE = 1
MACHINE_AMD64 = 0x8664
DYNAMIC_BASE = 0x0040
NX_COMPATIBLE = 0x0100
WDM_DRIVER = 0x2000
SECTION_EXECUTE = 0x20000000
SECTION_WRITE = 0x80000000
SECTION_DISCARDABLE = 0x02000000


def image(drivers: Path, driver: str) -> pefile.PE:
    return pefile.PE(str(drivers / driver / f"{driver}.sys"))


def mutant_images(drivers: Path) -> list[Path]:
    return sorted((drivers / "mutants").glob("*/*.sys"))


@pytest.mark.parametrize("driver", DRIVERS)
def test_header_says_native_x64_wdm_driver_that_is_not_a_dll(drivers: Path, driver: str) -> None:
    pe = image(drivers, driver)
    assert pe.FILE_HEADER.Machine == MACHINE_AMD64
    assert pe.OPTIONAL_HEADER.Subsystem == SUBSYSTEM_NATIVE
    assert pe.OPTIONAL_HEADER.ImageBase == 0x140000000
    characteristics = pe.OPTIONAL_HEADER.DllCharacteristics
    assert characteristics & (DYNAMIC_BASE | NX_COMPATIBLE | WDM_DRIVER) == DYNAMIC_BASE | NX_COMPATIBLE | WDM_DRIVER
    assert not pe.is_dll()
    assert not hasattr(pe, "DIRECTORY_ENTRY_EXPORT"), "a driver exports nothing"


@pytest.mark.parametrize("driver", DRIVERS)
def test_checksum_is_right_because_windows_refuses_drivers_with_a_wrong_one(drivers: Path, driver: str) -> None:
    pe = image(drivers, driver)
    assert pe.OPTIONAL_HEADER.CheckSum == pe.generate_checksum()


@pytest.mark.parametrize("driver", DRIVERS)
def test_imports_are_documented_functions_of_ntoskrnl_and_hal(drivers: Path, driver: str) -> None:
    pe = image(drivers, driver)
    for module in pe.DIRECTORY_ENTRY_IMPORT:
        assert module.dll.decode().lower() in {"ntoskrnl.exe", "hal.dll"}
        names = {entry.name.decode() for entry in module.imports}
        assert names <= DOCUMENTED, f"not in documented_functions.txt: {sorted(names - DOCUMENTED)}"


@pytest.mark.parametrize("driver", DRIVERS)
def test_no_section_is_both_writable_and_executable(drivers: Path, driver: str) -> None:
    for section in image(drivers, driver).sections:
        both = SECTION_EXECUTE | SECTION_WRITE
        assert section.Characteristics & both != both, section.Name


@pytest.mark.parametrize("driver", DRIVERS)
def test_entry_point_lies_in_the_init_section(drivers: Path, driver: str) -> None:
    pe = image(drivers, driver)
    section = pe.get_section_by_rva(pe.OPTIONAL_HEADER.AddressOfEntryPoint)
    assert section.Name.rstrip(b"\0") == b"INIT"


def test_init_is_discardable_and_pageable_code_is_not(drivers: Path) -> None:
    paged = set()
    for path in [*(drivers / driver / f"{driver}.sys" for driver in DRIVERS), *mutant_images(drivers)]:
        sections = {section.Name.rstrip(b"\0"): section.Characteristics for section in pefile.PE(str(path)).sections}
        discardable = {name for name, characteristics in sections.items() if characteristics & SECTION_DISCARDABLE}
        assert discardable - {b".reloc"} == {b"INIT"}, path
        paged |= {path.stem} if b"PAGE" in sections else set()
    assert paged == set(DRIVERS) - {"borrower-legacy"}, "otherwise the second half of this test says nothing"


@pytest.mark.parametrize("driver", DRIVERS)
def test_unwind_data_is_there_for_windbg_and_exception_dispatch(drivers: Path, driver: str) -> None:
    directory = image(drivers, driver).OPTIONAL_HEADER.DATA_DIRECTORY[pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_EXCEPTION"]]
    assert directory.Size > 0


@pytest.mark.parametrize("driver", DRIVERS)
def test_absolute_addresses_are_covered_by_relocations(drivers: Path, driver: str) -> None:
    """Moves the image and looks for addresses that still point to the old base."""
    pe = image(drivers, driver)
    moved = 0x1_5555_0000
    pe.relocate_image(moved)
    memory = pe.get_memory_mapped_image()
    old = range(0x140000000 + 0x1000, 0x140000000 + pe.OPTIONAL_HEADER.SizeOfImage)
    stale = [
        hex(offset)
        for section in pe.sections
        if section.Name.startswith((b".rdata", b".data"))
        for offset in range(section.VirtualAddress, section.VirtualAddress + section.Misc_VirtualSize - 7, 8)
        if int.from_bytes(memory[offset : offset + 8], "little") in old
    ]
    assert not stale


@pytest.mark.parametrize("driver", DRIVERS)
def test_coff_symbols_are_kept_for_backtraces_and_debug_sections_are_not(drivers: Path, driver: str) -> None:
    pe = image(drivers, driver)
    assert pe.FILE_HEADER.NumberOfSymbols > 50
    data = (drivers / driver / f"{driver}.sys").read_bytes()
    assert (b"DispatchOpen" if driver == "borrower-legacy" else b"DispatchPnp") in data
    assert b".debug_info" not in data


def test_the_same_sources_give_the_same_bytes(drivers: Path, tmp_path: Path) -> None:
    again = build_drivers(tmp_path / "again")

    def hashes(folder: Path) -> dict[str, str]:
        return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*.sys"))}

    first = hashes(drivers)
    assert len(first) > len(DRIVERS)
    assert hashes(again) == first


def test_every_mutant_differs_from_its_driver(drivers: Path) -> None:
    mutants = mutant_images(drivers)
    assert mutants
    for path in mutants:
        correct = pefile.PE(str(drivers / path.stem / path.name))
        mutant = pefile.PE(str(path))
        pairs = zip(correct.sections, mutant.sections, strict=False)
        differs = [one.get_data() != other.get_data() for one, other in pairs if not one.Name.startswith(b".idata")]
        assert any(differs), f"{path.parent.name} is the same code as the correct {path.stem}"

# SPDX-License-Identifier: MIT
"""The same sources by both compilers and for both architectures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pefile
import pytest
from driverpack import certificate, package
from driverpack.errors import PackageError
from driverpack.inf import Inf

from tests.drivers.packaging.variants import NAMES, build

MACHINES = {"x64": 0x8664, "x86": 0x14C}
DECORATIONS = {"x64": "ntamd64", "x86": "ntx86"}
SOME = ("owner", "toaster")  # with the common code that is most of the sources
VARIANTS = [("gcc", "x86"), ("clang", "x64"), ("clang", "x86")]


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: "-".join(variant))
def variant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """Toolchain, architecture and folder of one variant's drivers."""
    toolchain, architecture = request.param
    return (
        toolchain,
        architecture,
        build(tmp_path_factory.mktemp("variant"), *SOME, toolchain=toolchain, architecture=architecture),
    )


def test_images(variant: tuple[str, str, Path]) -> None:
    _, architecture, folder = variant
    for name in SOME:
        image = pefile.PE(str(folder / name / f"{name}.sys"))
        assert image.FILE_HEADER.Machine == MACHINES[architecture]
        assert image.OPTIONAL_HEADER.Subsystem == 1, "native"
        assert image.OPTIONAL_HEADER.DllCharacteristics & 0x2140 == 0x2140, "WDM driver, NX, dynamic base"
        assert image.OPTIONAL_HEADER.AddressOfEntryPoint
        assert {entry.dll.lower() for entry in image.DIRECTORY_ENTRY_IMPORT} <= {b"ntoskrnl.exe", b"hal.dll"}
        assert (folder / name / f"{name}.pdb").stat().st_size
        imports = {symbol.name.decode() for entry in image.DIRECTORY_ENTRY_IMPORT for symbol in entry.imports}
        decorated = [symbol for symbol in imports if not re.fullmatch(r"[A-Z]\w+|mem\w+", symbol)]
        assert not decorated, "names as ntoskrnl exports them"


def test_init_is_discardable(variant: tuple[str, str, Path]) -> None:
    for name in SOME:
        image = pefile.PE(str(variant[2] / name / f"{name}.sys"))
        discardable = {section.Name.rstrip(b"\0"): bool(section.Characteristics & 0x02000000) for section in image.sections}
        assert discardable[b"INIT"] and not discardable[b"PAGE"] and not discardable[b".text"]
        assert image.verify_checksum()


def test_entry_point_is_driver_entry(variant: tuple[str, str, Path]) -> None:
    folder = variant[2]
    image = pefile.PE(str(folder / "owner" / "owner.sys"))
    dump = subprocess.run(
        ["llvm-pdbutil", "dump", "--publics", str(folder / "owner" / "owner.pdb")], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"`_?DriverEntry(?:@8)?`\s+flags = \w+, addr = (\d+):(\d+)", dump)
    assert found, "the symbols name DriverEntry"
    section, offset = int(found.group(1)), int(found.group(2))
    assert image.sections[section - 1].VirtualAddress + offset == image.OPTIONAL_HEADER.AddressOfEntryPoint


def test_clang_describes_types_and_lines(variant: tuple[str, str, Path]) -> None:
    toolchain, _, folder = variant
    if toolchain == "gcc":
        return  # gcc 12 writes names only
    symbols = str(folder / "owner" / "owner.pdb")
    types = subprocess.run(["llvm-pdbutil", "dump", "--types", symbols], capture_output=True, text=True, check=True).stdout
    assert "_FUNCTION_DEVICE" in types
    files = subprocess.run(["llvm-pdbutil", "dump", "--files", symbols], capture_output=True, text=True, check=True).stdout
    assert "owner.c" in files


def test_they_can_be_packaged(variant: tuple[str, str, Path], key: certificate.SigningKey, tmp_path: Path) -> None:
    _, architecture, folder = variant
    made = package.build(folder / "owner", tmp_path / "owner", key, (architecture.upper(),))
    assert f"_v100_{architecture.upper()}".encode("utf-16-le") in made.catalog.read_bytes()
    assert Inf.read(made.inf).architectures() == {DECORATIONS[architecture]}


def test_an_inf_for_another_architecture_is_refused(
    variant: tuple[str, str, Path], key: certificate.SigningKey, tmp_path: Path
) -> None:
    _, architecture, folder = variant
    other = "X86" if architecture == "x64" else "X64"
    with pytest.raises(PackageError, match=f"{other} Windows needs one decorated {DECORATIONS[other.lower()]}"):
        package.build(folder / "owner", tmp_path / "owner", key, (other,))


@pytest.mark.long
@pytest.mark.parametrize(("toolchain", "architecture"), VARIANTS)
def test_all_drivers_build_without_warnings(toolchain: str, architecture: str, tmp_path: Path) -> None:
    folder = build(tmp_path, *NAMES, toolchain=toolchain, architecture=architecture)
    assert all((folder / name / f"{name}.sys").exists() for name in NAMES)

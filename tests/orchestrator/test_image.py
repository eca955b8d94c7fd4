# SPDX-License-Identifier: MIT
"""Images: what is put together, and that a driver whose imports the kernel lacks is refused before anything boots."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.base.errors import BadInput
from orchestrator.guest.assembly import assemble, missing_imports
from orchestrator.guest.catalogue import load_guest
from orchestrator.guest.guest import BootRequest
from orchestrator.guest.image import load_image
from orchestrator.guest.inf import read_inf
from orchestrator.guest.testkernel import TestKernel, parse_bugcheck

INF = r"""
[Version]
Signature = "$WINDOWS NT$"
[Manufacturer]
%Maker% = Models,NTamd64.10.0
[Models.NTamd64.10.0]
%Name% = Install, ROOT\Sample, ROOT\CompatibleSample ; a comment, with a comma
[Install.NT.Services]
AddService = sample,0x00000002,Service
[Strings]
Maker = "M; not a comment"
"""


def pe(directory: Path, name: str, source: str, *flags: str) -> Path:
    """A real x64 PE image made by mingw."""
    directory.mkdir(parents=True, exist_ok=True)
    code, output = directory / "code.c", directory / name
    code.write_text(source)
    command = ["x86_64-w64-mingw32-gcc", "-nostdlib", "-shared", "-o", str(output), str(code), *flags]
    subprocess.run([*command, "-Wl,--entry,DriverEntry", "-Wl,--subsystem,native"], check=True)
    return output


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build directory with a kernel that exports one function and a driver that imports it and another one."""
    build = tmp_path_factory.mktemp("build")
    definition = build / "kernel.def"
    definition.write_text("LIBRARY ntoskrnl.exe\nEXPORTS\nIoCompleteRequest\nIoFrobnicate\n")
    library = build / "libntoskrnl.a"
    subprocess.run(["x86_64-w64-mingw32-dlltool", "-d", str(definition), "-l", str(library)], check=True)
    kernel = "__declspec(dllexport) int IoCompleteRequest(void) { return 1; } int DriverEntry(void) { return 0; }"
    pe(build / "testkernel", "kernel.exe", kernel)
    (build / "testkernel" / "kernel.bin").write_bytes(b"kernel")
    (build / "testkernel" / "s1.aml").write_bytes(b"SSDT")
    sample = "int IoCompleteRequest(void); int DriverEntry(void) { return IoCompleteRequest(); }"
    pe(build / "drivers" / "sample", "sample.sys", sample, str(library))
    (build / "drivers" / "sample" / "sample.inf").write_text(INF)
    wrong = "int IoFrobnicate(void); int DriverEntry(void) { return IoFrobnicate(); }"
    pe(build / "wrong", "sample.sys", wrong, str(library))
    return build


def test_an_image_is_assembled_and_loaded(built: Path) -> None:
    image = assemble(built)
    assert load_image(built, "testkernel") == image
    guest = load_guest("testkernel", built)
    assert list(guest.drivers()) == ["sample"]
    arguments = guest.qemu_arguments(BootRequest(["sample"], first="borrower"))
    assert arguments[arguments.index("-acpitable") + 1] == f"file={built / 'testkernel' / 's1.aml'}"
    assert arguments[arguments.index("-append") + 1] == "root=ROOT\\SAMPLE first=borrower log=info"
    assert arguments[arguments.index("-initrd") + 1].endswith("sample.inf")


def test_a_mutant_stands_for_the_driver_that_it_is_made_from(built: Path, tmp_path: Path) -> None:
    mutant = built / "drivers" / "mutants" / "sample-forgets"
    mutant.mkdir(parents=True)
    for suffix in (".sys", ".inf"):
        (mutant / f"sample{suffix}").write_bytes((built / "drivers" / "sample" / f"sample{suffix}").read_bytes())
    guest = TestKernel(assemble(built))
    assert list(guest.drivers()) == ["sample"]
    assert guest.standing_for("sample-forgets") == "sample"
    with pytest.raises(BadInput, match="did you mean 'sample-forgets'"):
        guest.standing_for("sample-forget")
    # As a package that is not installed, it lies in a folder of its own.
    arguments = guest.qemu_arguments(BootRequest(["sample"], packages=["sample-forgets"]))
    modules = arguments[arguments.index("-initrd") + 1].split(",")
    assert modules[2:] == [f"{mutant / 'sample'}{suffix} package=sample-forgets" for suffix in (".sys", ".inf")]
    assert guest.package("sample-forgets") == "sample-forgets\\sample.inf"


def test_an_import_that_the_kernel_lacks_is_named_with_its_driver(built: Path, tmp_path: Path) -> None:
    exported = frozenset({"IoCompleteRequest"})
    assert missing_imports(built / "drivers" / "sample" / "sample.sys", exported) == []
    assert missing_imports(built / "wrong" / "sample.sys", exported) == ["ntoskrnl.exe!IoFrobnicate"]


@pytest.mark.parametrize("missing", ["testkernel/kernel.bin", "testkernel/s1.aml", "drivers/sample/sample.inf"])
def test_what_is_not_built_is_named(built: Path, missing: str) -> None:
    file = built / missing
    content = file.read_bytes()
    file.unlink()
    try:
        with pytest.raises(BadInput, match=f"{file.name} is missing\n.*make image"):
            assemble(built)
    finally:
        file.write_bytes(content)


def test_a_missing_image_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"image\.json is missing\n.*make image"):
        load_image(tmp_path, "testkernel")


def test_an_unknown_guest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'testkernel'"):
        load_guest("testkernal", tmp_path)


def test_hardware_ids_come_from_the_inf(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "x.inf").write_text(INF, encoding=encoding)
        inf = read_inf(tmp_path / "x.inf")
        assert inf.hardware_ids == ("ROOT\\SAMPLE", "ROOT\\COMPATIBLESAMPLE")
        assert inf.services == ("sample",)


def test_a_console_without_a_bugcheck_has_no_crash_report() -> None:
    assert parse_bugcheck("[ 0.1] all is well\n") is None

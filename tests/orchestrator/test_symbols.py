# SPDX-License-Identifier: MIT
"""From addresses in images to source lines, with real compilers' debug information."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

from orchestrator.guest.backtrace import with_sources
from orchestrator.guest.guest import CrashReport
from orchestrator.guest.symbols import Address, SourceLine, image_base, parse_addr2line, source_lines

SOURCE = """\
volatile int sink;
static inline __attribute__((always_inline)) void store(int value)
{
    sink = value;
}
__attribute__((noinline)) void stop(void)
{
    store(1);
    if (sink == 7) __builtin_trap();
}
int DriverEntry(void *driver)
{
    stop();
    sink = 2;
    return 0;
}
"""
STORE = r"movl\s+\$0x1,"
LINK = ["-nostdlib", "-Wl,--entry,DriverEntry", "-Wl,--image-base,0x140000000", "-Wl,--subsystem,native"]


def build(directory: Path, *compiler: str) -> Path:
    (directory / "driver.c").write_text(SOURCE)
    image = directory / "driver.sys"
    subprocess.run([*compiler, "-O2", "-g", *LINK, "-o", str(image), "driver.c"], check=True, cwd=directory)
    return image


def gcc(directory: Path) -> Path:
    return build(directory, "x86_64-w64-mingw32-gcc")


def clang(directory: Path) -> Path:
    """With a PDB instead of DWARF."""
    pdb = ["-fuse-ld=lld", f"-Wl,--pdb={directory / 'driver.pdb'}"]
    image = build(directory, "clang", "--target=x86_64-w64-windows-gnu", "-gcodeview", *pdb)
    assert (directory / "driver.pdb").is_file()
    return image


def offset_of(image: Path, instruction: str) -> int:
    """Offset in the image of the first instruction that fits the pattern."""
    command = ["x86_64-w64-mingw32-objdump", "-d", "--no-show-raw-insn", str(image)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(rf"^\s*([0-9a-f]+):\s+{instruction}", text, re.MULTILINE)
    assert match, text
    return int(match[1], 16) - 0x140000000


def look_up(image: Path, *addresses: Address) -> dict[Address, list[SourceLine]]:
    return asyncio.run(source_lines(addresses, {"driver.sys": image}))


def test_an_inlined_call_has_a_line_of_its_own(tmp_path: Path) -> None:
    image = gcc(tmp_path)
    address = Address("driver.sys", offset_of(image, STORE), exact=True)
    lines = look_up(image, address)[address]
    assert [(line.function, Path(line.file or "").name, line.line) for line in lines] == [
        ("store", "driver.c", 4),
        ("stop", "driver.c", 8),
    ]


def test_a_pdb_does_as_well(tmp_path: Path) -> None:
    image = clang(tmp_path)
    address = Address("driver.sys", offset_of(image, STORE), exact=True)
    lines = look_up(image, address)[address]
    # LLVM 14 gives the line after an inlined call for the caller's: only the innermost is certain.
    assert [line.function for line in lines] == ["store", "stop"]
    assert (Path(lines[0].file or "").name, lines[0].line) == ("driver.c", 4)


def test_a_return_address_stands_for_the_call_before_it(tmp_path: Path) -> None:
    image = gcc(tmp_path)
    call = offset_of(image, "call")
    back, exact = Address("driver.sys", call + 5), Address("driver.sys", call + 5, exact=True)
    lines = look_up(image, back, exact)
    assert lines[back][0].line == 13
    assert lines[exact][0].line != 13


def test_what_has_no_symbols_is_left_out(tmp_path: Path) -> None:
    image = gcc(tmp_path)
    stripped = tmp_path / "stripped.sys"
    subprocess.run(["x86_64-w64-mingw32-strip", "-o", str(stripped), str(image)], check=True)
    assert look_up(stripped, Address("driver.sys", 0x1000)) == {}
    assert look_up(tmp_path / "missing.sys", Address("driver.sys", 0x1000)) == {}
    assert look_up(image, Address("other.sys", 0x1000)) == {}


def test_the_image_base_is_the_headers(tmp_path: Path) -> None:
    assert image_base(gcc(tmp_path)) == 0x140000000
    (tmp_path / "text").write_text("no image")
    assert image_base(tmp_path / "text") is None


def test_what_addr2line_says_is_understood() -> None:
    said = "0x0000000140001000\nSetGate\nguest-drivers/owner/clients.c:79 (discriminator 3)\n"
    said += "CallUp\nguest-drivers/owner/clients.c:93\n"
    said += "0x0000000140002000\n??\n??:0\n0x0000000140003000\n??\nimages/testkernel/images/testkernel/ke/entry.S:68\n"
    assert parse_addr2line(said) == {
        0x140001000: [
            SourceLine("SetGate", "guest-drivers/owner/clients.c", 79),
            SourceLine("CallUp", "guest-drivers/owner/clients.c", 93),
        ],
        0x140002000: [],
        0x140003000: [SourceLine("??", "images/testkernel/ke/entry.S", 68)],
    }


def test_a_report_gets_its_source_and_a_backtrace_with_what_was_interrupted(tmp_path: Path) -> None:
    image = gcc(tmp_path)
    trap, call = offset_of(image, "ud2"), offset_of(image, "call")
    details = {
        "trap": True,
        "blamed": {"image": "driver.sys", "rva": trap, "exact": True},
        "backtrace": ["driver.sys!stop+0xa", "driver.sys!DriverEntry+0x9", "?!0+0x0"],
        "frames": [{"image": "driver.sys", "rva": trap}, {"image": "driver.sys", "rva": call + 5}, {"image": None, "rva": 0}],
    }
    report = CrashReport(0x7E, "NAME", "why", "driver", "driver.sys!stop+0xa", details=details)
    full = asyncio.run(with_sources(report, {"driver.sys": image}))
    assert full.source and full.source.endswith("driver.c:9")
    assert full.sentence == f"bugcheck 0x7E NAME in driver.sys!stop+0xa ({full.source}): why"
    shown = [line.replace(str(tmp_path) + "/", "") for line in full.backtrace]
    assert shown == ["  0  driver.sys!stop+0xa  driver.c:9", "  1  driver.sys!DriverEntry+0x9  driver.c:13", "  2  ?!0+0x0"]

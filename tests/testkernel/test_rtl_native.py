# SPDX-License-Identifier: MIT
"""The kernel's run-time library, compiled for the host with sanitizers; each TEST of native/rtl/*.c is a test here."""

import re
import subprocess
import unicodedata
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
NATIVE = HERE / "native" / "rtl"
KERNEL = HERE.parents[1] / "images" / "testkernel"
NEEDS_THE_KERNEL = {"support.c"}  # native/rtl/harness.c stands in for it
FLAGS = [
    "-g",
    "-O1",
    "-std=gnu11",
    "-fshort-wchar",  # Windows' 16-bit wchar_t
    "-fno-builtin",  # the kernel's strlen is not the host's
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-Wall",
    "-Wextra",
    "-Werror",
]
CASES = [
    name for file in sorted(NATIVE.glob("test_*.c")) for name in re.findall(r"^TEST\((\w+)\)", file.read_text(), re.MULTILINE)
]


@pytest.fixture(scope="session")
def rtl_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test program: all of rtl/ but what needs the kernel around it, with the tests."""
    program = tmp_path_factory.mktemp("rtl") / "rtl_test"
    sources = sorted(NATIVE.glob("*.c")) + [
        file for file in sorted((KERNEL / "rtl").glob("*.c")) if file.name not in NEEDS_THE_KERNEL
    ]
    command = ["gcc", *FLAGS, f"-I{NATIVE}", f"-I{KERNEL}", "-o", str(program), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    return program


def run(program: Path, argument: str) -> str:
    """Output of one run; a failed check or a sanitizer's report fails the test."""
    done = subprocess.run([str(program), argument], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_case_is_in_the_program(rtl_test: Path) -> None:
    assert sorted(run(rtl_test, "--list").split()) == sorted(CASES)


@pytest.mark.parametrize("case", CASES)
def test_rtl(rtl_test: Path, case: str) -> None:
    run(rtl_test, case)


def test_case_table_agrees_with_unicode(rtl_test: Path) -> None:
    """Each pair of the kernel's table is a simple case pair of Unicode; the alphabets drivers meet are complete."""
    upper, lower = {}, {}
    for line in run(rtl_test, "--case").splitlines():
        c, up, down = (int(field, 16) for field in line.split())
        upper[c], lower[c] = up, down
    for c, up in upper.items():
        if up != c:
            assert chr(c).upper() == chr(up), f"U+{c:04X} {unicodedata.name(chr(c))} -> U+{up:04X}"
    for c, down in lower.items():
        if down != c:
            assert chr(down).upper() == chr(c), f"U+{c:04X} -> U+{down:04X}"
    # Latin-1, Latin Extended-A, Greek, Cyrillic: nothing is missing but what Windows itself maps elsewhere or not at all.
    exempt = {0xB5, 0xDF, 0x131, 0x149, 0x17F, 0x390, 0x3B0, 0x3C2, 0x3D0, 0x3D1, 0x3D5, 0x3D6, 0x3F0, 0x3F1, 0x3F5}
    for c in [*range(0x250), *range(0x370, 0x3F0), *range(0x400, 0x530)]:
        mapped = chr(c).upper()
        in_scope = not 0x180 <= c < 0x250 and not 0x370 <= c < 0x38A
        if len(mapped) == 1 and ord(mapped) < 0x10000 and c not in exempt and in_scope:
            assert upper[c] == ord(mapped), (
                f"U+{c:04X} {unicodedata.name(chr(c), '?')}: U+{upper[c]:04X}, Unicode has U+{ord(mapped):04X}"
            )

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write docs/testkernel-exports.md: every export with its state, and which documented functions are missing.

The state stands where the function is: a comment over its definition that has "Partial: …" or "Refused: …" says what lacks;
any other definition is complete. The IRQL is that of ke/irql.txt. Who calls a function is read from the import tables of the
built drivers, and from the native tests' sources.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import irql

KERNEL = Path(__file__).resolve().parents[1]
REPOSITORY = KERNEL.parents[1]
NATIVE_TESTS = REPOSITORY / "tests" / "testkernel" / "native"
GROUPS = {
    "Object manager": r"Ob|Zw.*(Handle|Object|Event|Symbolic)|ZwClose",
    "I/O manager": r"Io|Zw(Create|Read|Write|Open)File|ZwDeviceIo|Wmi|NtBuild",
    "Power manager": r"Po",
    "Kernel": r"K[eifd]|Dbg|vDbg|READ_|WRITE_|__C_|_local|Kd",
    "HAL": r"Hal|XAG",
    "Memory manager": r"Mm|ExAllocatePool|ExFreePool|Probe",
    "Executive": r"Ex|Init.*SList|First.*SList",
    "Processes and threads": r"Ps|Se|Zw.*(Thread|Process)",
    "Registry": r"Cm|Zw.*Key|Rtl.*Registry",
    "Run-time library": r"Rtl|Ver|memcpy",
}
LAST_GROUP = "C run-time"


@dataclass
class Export:
    """One exported name: where it is defined, its state and who calls it."""

    name: str
    file: str = ""
    irql: str = ""
    state: str = "complete"
    note: str = ""
    tests: tuple[str, ...] = ()


def definitions(text: str) -> dict[str, tuple[int, str]]:
    """Names defined at file level, with the offset of the definition and the comment over it."""
    found: dict[str, tuple[int, str]] = {}
    pattern = re.compile(
        r"^(?!static|typedef|#|\s|\}|/|return)[^;={}()]*?\b(\w+)(?:\([^;{}]*\)\s*\{|(?:\[\w*\])?\s*(?:=|;))", re.MULTILINE
    )
    for match in pattern.finditer(text):
        comment = re.search(
            r"/\*((?:(?!\*/).)*)\*/\s*(?:VOID[^;{}]*;\s*|[^;{}()/]*\([^;{}]*\);\s*)?$", text[: match.start()], re.DOTALL
        )
        found[match[1]] = (match.start(), re.sub(r"\s*\n\s*\*?\s*", " ", comment[1]).strip() if comment else "")
    for match in re.finditer(r'__asm__\("(\w+)"\)', text):
        found.setdefault(match[1], (match.start(), ""))
    return found


def state_of(comment: str) -> tuple[str, str]:
    """("partial", "what is missing") and so on."""
    match = re.search(r"\b(Partial|Refused): (.*?)(?:\.(?:\s|$)|$)", comment)
    return (match[1].lower(), match[2]) if match else ("complete", "")


def names_in(folder: Path) -> set[str]:
    """All identifiers that a folder's tests use (test_*.c: a prototype is no call)."""
    return {name for file in sorted(folder.rglob("test_*.c")) for name in re.findall(r"\b[A-Za-z_]\w+", file.read_text())}


def imports_of(folder: Path, objdump: str) -> set[str]:
    """What the drivers in a folder import."""
    images = sorted(map(str, folder.rglob("*.sys")))
    if not images:
        raise SystemExit(f"no drivers in {folder}: build them first")
    dump = subprocess.run([objdump, "-p", *images], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\t[0-9a-f]+\t\s*\d+\s+(\w+)$", dump, re.MULTILINE))


def read_exports(definition_file: Path, callers: dict[str, set[str]]) -> list[Export]:
    """The kernel's exports with everything known of them."""
    lines = definition_file.read_text().split("EXPORTS", 1)[1].splitlines()
    levels = irql.read_table(KERNEL / "ke" / "irql.txt")
    exports = {line.split()[0]: Export(line.split()[0]) for line in lines if line.strip()}
    for name in exports.keys() & levels.keys():
        exports[name].irql = levels[name].words
    for source in sorted([*KERNEL.glob("*/*.c"), *KERNEL.glob("*/*.S")]):
        if source.parent.name == "selftest":
            continue
        text = source.read_text()
        globals_ = re.findall(r"^\s*\.globl\s+(\w+)", text, re.MULTILINE)
        found = definitions(text) if source.suffix == ".c" else dict.fromkeys(globals_, (0, ""))
        for name, (_, comment) in found.items():
            if name in exports:
                export = exports[name]
                export.file = str(source.relative_to(KERNEL))
                export.state, export.note = state_of(comment)
    for export in exports.values():
        export.tests = tuple(kind for kind, names in callers.items() if export.name in names)
    return list(exports.values())


def documented(headers: list[Path], windows: Path) -> set[str]:
    """Functions that the WDM headers declare and Windows exports."""
    declared = {name for header in headers for name in re.findall(r"\b([A-Za-z_]\w+) ?\(", header.read_text(errors="replace"))}
    return declared & set(windows.read_text().split())


def group_of(name: str) -> str:
    return next((group for group, pattern in GROUPS.items() if re.match(pattern, name)), LAST_GROUP)


def page(exports: list[Export], missing: set[str]) -> str:
    """The Markdown page."""
    counts = {state: sum(e.state == state for e in exports) for state in ("complete", "partial", "refused")}
    called = sum(bool(e.tests) for e in exports)
    lines = [
        "# What the test kernel exports",
        "",
        "Generated by `make -C images/testkernel exports-page`; do not edit. A driver that imports anything else is refused",
        "when it is loaded, and the message names the function.",
        "",
        f"{len(exports)} exports: {counts['complete']} complete, {counts['partial']} partial, {counts['refused']} refused",
        f"(there so that drivers load; they fail as documented). {called} of them are called by a test: the native tests of the",
        "run-time library with sanitizers (native) and the drivers that test the kernel (selftest), which check what Microsoft",
        "documents; some also by the product's drivers and mutants (drivers). `make test` fails for an export without a test.",
        "A driver that calls an export at another IRQL is stopped before the function is entered (`ke/irql.txt`); where the",
        "levels depend on the arguments, the widest range stands here and the function checks the rest.",
        "",
    ]
    for group in [*GROUPS, LAST_GROUP]:
        members = sorted((e for e in exports if group_of(e.name) == group), key=lambda e: e.name.lower())
        if not members:
            continue
        lines += [f"## {group}", "", "| function | IRQL | state | source | called by |", "|---|---|---|---|---|"]
        for export in members:
            state = export.state + (f": {export.note}" if export.note else "")
            lines.append(f"| `{export.name}` | {export.irql or '-'} | {state} | {export.file} | {', '.join(export.tests)} |")
        lines.append("")
    lines += [
        "## Missing",
        "",
        f"{len(missing)} more functions are declared in wdm.h or ntddk.h and exported by Windows, but not here:",
        "",
        ", ".join(f"`{name}`" for name in sorted(missing, key=str.lower)) + ".",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    """Write the page; fail when an export's definition is not found (then its state is not known)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--def", dest="definition", type=Path, required=True, help="ntoskrnl.def")
    parser.add_argument("--windows", type=Path, required=True, help="windows-exports.txt")
    parser.add_argument("--header", type=Path, action="append", default=[], help="wdm.h, ntddk.h")
    parser.add_argument("--drivers", type=Path, action="append", default=[], help="folder of built drivers")
    parser.add_argument("--objdump", default="x86_64-w64-mingw32-objdump")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    callers = {"native": names_in(NATIVE_TESTS)} | {folder.name: imports_of(folder, args.objdump) for folder in args.drivers}
    exports = read_exports(args.definition, callers)
    lost = [e.name for e in exports if not e.file]
    if lost:
        print(f"no definition found in images/testkernel/*/ for: {', '.join(lost)}", file=sys.stderr)
        return 1
    missing = documented(args.header, args.windows) - {e.name for e in exports}
    args.output.write_text(page(exports, missing))
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the kernel's export list: every global function or variable whose name Windows exports is exported.

No list is kept by hand: what a source file defines under a Windows name is what a driver can import. Names that mingw's import
libraries do not know yet (ExAllocatePool2, …) stand in a folder's exports.txt, one a line.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import irql


def global_symbols(nm: str, files: list[str]) -> set[str]:
    """Names of the global definitions in object files or archives."""
    done = subprocess.run([nm, "-g", "--defined-only", *files], capture_output=True, text=True, check=True)
    fields = (line.split() for line in done.stdout.splitlines())
    return {f[2].removeprefix("__imp_") for f in fields if len(f) == 3 and f[1] in "TDBRVWI"}  # I: variables of import libraries


def extra_names(files: list[str]) -> set[str]:
    """Names from exports.txt files; '#' starts a comment."""
    lines = (line.split("#")[0].strip() for file in files for line in Path(file).read_text().splitlines())
    return {line for line in lines if line}


def main() -> int:
    """Print Windows' export names, or the kernel's .def file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["windows", "def"])
    parser.add_argument("--nm", default="x86_64-w64-mingw32-nm")
    parser.add_argument("--windows", help="file with Windows' export names")
    parser.add_argument("--irql", help="ke/irql.txt")
    parser.add_argument("--extra", action="append", default=[], help="exports.txt of a folder")
    parser.add_argument("files", nargs="+", help="import libraries or object files")
    args = parser.parse_args()
    defined = global_symbols(args.nm, args.files)
    if args.what == "windows":
        print("\n".join(sorted(defined)))
        return 0
    extra = extra_names(args.extra)
    checked = {e.name for e in irql.read_table(Path(args.irql)).values() if e.checked} if args.irql else set()
    missing = extra - defined
    if missing:
        print(f"exports.txt names what no source file defines: {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    windows = set(Path(args.windows).read_text().split())
    print("LIBRARY ntoskrnl.exe\nEXPORTS")
    # A driver's import leads to the check of the IRQL, which goes on to the function; the kernel's own calls go there directly.
    bound = {name: f"{name} = {irql.PREFIX}{name}" if name in checked else name for name in defined & (windows | extra)}
    print("\n".join(f"    {bound[name]}" for name in sorted(bound)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

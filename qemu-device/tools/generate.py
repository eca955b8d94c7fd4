#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make everything that is derived from registers/*.rdl and rules.yaml.

    python3 tools/generate.py [--check]

Needs `peakrdl` (which brings systemrdl-compiler) and PyYAML. With --check nothing is written: the exit code is 1, and
the stale files are named, when a generated file in the tree differs from what it should be.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent))
import page_outputs
import rdl_outputs

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = ROOT.parent
PAGE = REPOSITORY / "docs" / "device.md"
DEVICES = ("buddy", "fredbus")


def c_header(device: str) -> str:
    """The C header that device and drivers share, by PeakRDL's own exporter."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / f"{device}_regs.h"
        peakrdl = Path(sys.executable).parent / "peakrdl"
        subprocess.run(
            [str(peakrdl), "c-header", str(ROOT / "registers" / f"{device}.rdl"), "-t", device, "-o", str(out)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return "/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */\n" + out.read_text()


def outputs() -> dict[Path, str]:
    """Every generated file with its contents."""
    maps = {device: rdl_outputs.compile_map(ROOT / "registers" / f"{device}.rdl", device) for device in DEVICES}
    rules = yaml.safe_load((ROOT / "rules.yaml").read_text())
    result = {ROOT / "include" / f"{device}_regs.h": c_header(device) for device in DEVICES}
    result[ROOT / "src" / "register_tables.h"] = rdl_outputs.register_tables(maps)
    result[ROOT / "src" / "rules_table.h"] = rdl_outputs.rules_table(rules)
    described = maps | {"buddy_io": rdl_outputs.compile_map(ROOT / "registers" / "buddy_io.rdl", "buddy_io", "io")}
    page = PAGE.read_text()
    page = page_outputs.fill(page, "registers", page_outputs.register_section(described))
    result[PAGE] = page_outputs.fill(page, "rules", page_outputs.rules_section(rules))
    result[REPOSITORY / "orchestrator" / "journal" / "registers.py"] = page_outputs.python_names(maps)
    return result


def main() -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a file is stale")
    arguments = parser.parse_args()
    stale = []
    for path, text in outputs().items():
        if path.exists() and path.read_text() == text:
            continue
        stale.append(path)
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for path in stale:
        print(f"{'stale' if arguments.check else 'written'}: {path.relative_to(REPOSITORY)}")
    if stale and arguments.check:
        print(f"run: make -C qemu-device generated PYTHON={sys.executable}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

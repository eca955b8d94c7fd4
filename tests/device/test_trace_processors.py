# SPDX-License-Identifier: MIT
"""Two processors write trace lines at the same time, without a lock: no line is ever mixed.

The firmware makes each line wait in its middle for the other processor to be in the middle of its own.
"""

from __future__ import annotations

import json
import os
import subprocess

from firmware import assemble

from tests.device.conftest import HERE
from tests.device.qtest import Options

LINES = 200


def test_lines_of_two_processors_are_never_mixed(options: Options) -> None:
    image = assemble(HERE / "two_processors.S", options.workdir)
    journal = options.workdir / "journal.jsonl"
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0"}
    if options.module.name != "in-tree":
        environment["LD_PRELOAD"] = f"{options.preload} {options.module}".strip()
    result = subprocess.run(
        [
            *(options.qemu, "-machine", "q35", "-accel", "tcg,thread=multi", "-smp", "2", "-m", "64", "-nodefaults"),
            *("-display", "none", "-no-reboot", "-bios", str(image), "-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
            *("-chardev", f"file,id=journal,path={journal}", "-device", "buddy-trace,chardev=journal"),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0x10 << 1 | 1, result.stderr
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    lines = [(record["cpu"], record["line"]) for record in records if record["kind"] == "trace"]
    assert sorted(set(lines)) == [(0, "kernel ready from=first " + "a" * 40), (1, "kernel ready from=second " + "b" * 39)]
    assert len(lines) == 2 * LINES

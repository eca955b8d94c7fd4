#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Register reads a second of `buddy` at each journal detail, as a ratio to QEMU's own `edu` device in the same run.

    python3 qemu-device/bench/bench.py [--module build/qemu-device/buddy.so] [--qemu qemu-system-x86_64] [--json]

Both devices are in one QEMU, read in turn by the same guest code, so that load on the machine hits both. A ratio is the
median over the rounds. Needs binutils (as, ld).
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
READS = 400_000
TIMEOUT = 120.0
DETAILS = ("counters", "events", "full")


def build_guest(directory: Path) -> Path:
    """Assemble the benchmark's firmware."""
    image = directory / "guest.bin"
    subprocess.run(["as", "--32", "-o", str(directory / "guest.o"), str(HERE / "guest.S")], check=True)
    subprocess.run(
        [
            "ld",
            "-e",
            "base",
            "-m",
            "elf_i386",
            "-Ttext=0xf0000",
            "--oformat",
            "binary",
            "-o",
            str(image),
            str(directory / "guest.o"),
        ],
        check=True,
    )
    return image


def marks(stream: socket.socket) -> list[tuple[str, float]]:
    """The guest's marker bytes with their host times, up to 'q'."""
    seen: list[tuple[str, float]] = []
    deadline = time.monotonic() + TIMEOUT
    while not seen or seen[-1][0] != "q":
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"the guest did not finish in {TIMEOUT} s; it got to {''.join(mark for mark, _ in seen)!r}")
        data = stream.recv(4096)
        if not data:
            raise RuntimeError("QEMU ended before the guest had finished")
        now = time.monotonic()
        seen += [(chr(byte), now) for byte in data]
    return seen


def measure(qemu: str, module: Path, image: Path, detail: str, directory: Path) -> dict[str, float]:
    """Reads a second of both devices, and the median ratio of neighbouring blocks."""
    ours, theirs = socket.socketpair()
    command = [
        *(qemu, "-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none", "-bios", str(image)),
        *("-chardev", f"socket,id=marks,fd={theirs.fileno()}", "-device", "isa-debugcon,iobase=0xe9,chardev=marks"),
        *("-chardev", f"file,id=journal,path={directory / f'{detail}.jsonl'}"),
        *("-device", f"buddy-trace,chardev=journal,detail={detail}"),
        *("-device", "edu,addr=4", "-device", "buddy,id=buddy0,addr=5,ram-size=0"),
    ]
    process = subprocess.Popen(command, env=dict(os.environ, LD_PRELOAD=str(module)), pass_fds=(theirs.fileno(),))
    theirs.close()
    try:
        seen = marks(ours)
    finally:
        process.terminate()
        process.wait()
    times: dict[str, list[float]] = {"e": [], "b": []}
    for (_, before), (mark, after) in itertools.pairwise(seen):
        if mark in times:
            times[mark].append(after - before)
    ratios = [edu / buddy for edu, buddy in zip(times["e"], times["b"], strict=True)]
    return {
        "edu_reads_per_second": READS / statistics.median(times["e"]),
        "buddy_reads_per_second": READS / statistics.median(times["b"]),
        "ratio": statistics.median(ratios),
    }


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", type=Path, default=ROOT / "build" / "qemu-device" / "buddy.so")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if not arguments.module.exists():
        print(f"bench: there is no {arguments.module}; build it: make -C qemu-device", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        image = build_guest(directory)
        results = {detail: measure(arguments.qemu, arguments.module.resolve(), image, detail, directory) for detail in DETAILS}
    if arguments.json:
        print(json.dumps(results, indent=2))
        return 0
    print(f"{'detail':10} {'edu reads/s':>14} {'buddy reads/s':>14} {'ratio':>7}")
    for detail, result in results.items():
        print(
            f"{detail:10} {result['edu_reads_per_second']:14,.0f} {result['buddy_reads_per_second']:14,.0f}"
            f" {result['ratio']:7.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

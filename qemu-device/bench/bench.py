#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Register reads a second of `buddy` at each journal detail, as a ratio to QEMU's own `edu` device in the same run.

    python3 qemu-device/bench/bench.py [--module build/qemu-device/buddy.so] [--qemu qemu-system-x86_64] [--json]

Both devices are in one QEMU and read by the same guest code, in turn, a block of 400,000 reads at a time, so that load on
the machine hits both; a ratio is the median over twelve rounds. The last line reads `buddy` twelve blocks on end (after
twelve of `edu`), without a pause in which the journal's writer could catch up. Every read must be in the journal or in its
count of dropped records, else the benchmark fails. With full records the journal's writer needs a processor of its own: on a
busy machine the figure tells of the load. Needs binutils (as, ld) and 700 MB in the temporary directory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import select
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = Path(os.environ.get("BUILD") or ROOT / "build")
sys.path.insert(0, str(HERE.parent / "tools"))
from firmware import assemble  # noqa: E402 - it is found by the line above

READS = 400_000  # a block
BLOCKS = 12  # of each device
TIMEOUT = 120.0
DETAILS = ("counters", "events", "full")
MARK = struct.Struct("<cQ")
KINDS = re.compile(rb'"kind":"(?:(read)"|dropped","count":(\d+))')


@dataclass(frozen=True)
class Result:
    """One run. Records and drops are those of the reads of `buddy`."""

    edu_reads_per_second: float
    buddy_reads_per_second: float
    ratio: float
    recorded: int
    dropped: int


def build_guest(directory: Path, on_end: int) -> Path:
    """The benchmark's firmware; so many blocks of a device on end."""
    return assemble(HERE / "guest.S", directory, READS=READS, BLOCKS=on_end, ROUNDS=BLOCKS // on_end)


def marks(stream: socket.socket) -> tuple[list[tuple[str, int]], float]:
    """The guest's marks with the counts of its clock, from '.' to 'q', and how many of them make a second."""
    data = b""
    first = 0.0
    deadline = time.monotonic() + TIMEOUT
    while len(data) % MARK.size or data[-MARK.size :][:1] != b"q":
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError(f"the guest did not finish in {TIMEOUT} s; it got to mark {len(data) // MARK.size}")
        more = stream.recv(4096)
        if not more:
            raise RuntimeError("QEMU ended before the guest had finished")
        first = first or time.monotonic()
        data += more
    seen = [(mark.decode(), ticks) for mark, ticks in MARK.iter_unpack(data)]
    return seen, (seen[-1][1] - seen[0][1]) / (time.monotonic() - first)


def count(journal: Path) -> tuple[int, int]:
    """Records of reads, and records that were dropped."""
    reads = dropped = 0
    with journal.open("rb") as file:
        rest = b""
        while piece := file.read(1 << 22):
            data = rest + piece
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            for match in KINDS.finditer(data, 0, end):
                reads += match[1] is not None
                dropped += int(match[2] or 0)
    return reads, dropped


def measure(qemu: str, module: Path, detail: str, on_end: int, directory: Path) -> Result:
    """Reads a second of both devices, and the median ratio of blocks that belong together."""
    ours, theirs = socket.socketpair()
    journal = directory / "journal.jsonl"
    command = [
        *(qemu, "-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-display", "none"),
        *("-bios", str(build_guest(directory, on_end))),
        *("-chardev", f"socket,id=marks,fd={theirs.fileno()}", "-device", "isa-debugcon,iobase=0xe9,chardev=marks"),
        *("-chardev", f"file,id=journal,path={journal}", "-device", f"buddy-trace,chardev=journal,detail={detail}"),
        *("-device", "edu,addr=4", "-device", "buddy,id=buddy0,addr=5,ram-size=0"),
    ]
    log = directory / "qemu.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, env=dict(os.environ, LD_PRELOAD=str(module)), pass_fds=(theirs.fileno(),), stderr=stderr
        )
    theirs.close()
    try:
        seen, second = marks(ours)
    except RuntimeError as error:
        raise RuntimeError(f"{error}: {log.read_text()}") from error
    finally:
        process.terminate()  # the orderly way: what the journal holds is written
        process.wait()
    times: dict[str, list[int]] = {"e": [], "b": []}
    for (_, before), (mark, after) in itertools.pairwise(seen):
        if mark in times:
            times[mark].append(after - before)
    recorded, dropped = count(journal)
    if recorded + dropped not in (0, READS * BLOCKS) or (detail == "full" and not recorded):
        raise RuntimeError(f"{READS * BLOCKS} reads, but {recorded} in the journal and {dropped} dropped: {log.read_text()}")
    return Result(
        edu_reads_per_second=READS * second / statistics.median(times["e"]),
        buddy_reads_per_second=READS * second / statistics.median(times["b"]),
        ratio=statistics.median(edu / buddy for edu, buddy in zip(times["e"], times["b"], strict=True)),
        recorded=recorded,
        dropped=dropped,
    )


def main() -> int:
    """Run and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", type=Path, default=BUILD / "qemu-device" / "buddy.so")
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    if not arguments.module.exists():
        print(f"bench: there is no {arguments.module}; build it: make -C qemu-device", file=sys.stderr)
        return 1
    runs = {**{detail: (detail, 1) for detail in DETAILS}, "full, on end": ("full", BLOCKS)}
    with tempfile.TemporaryDirectory() as scratch:
        results = {
            name: measure(arguments.qemu, arguments.module.resolve(), detail, on_end, Path(scratch))
            for name, (detail, on_end) in runs.items()
        }
    if arguments.json:
        print(json.dumps({name: asdict(result) for name, result in results.items()}, indent=2))
        return 0
    print(f"{'detail':13} {'edu reads/s':>13} {'buddy reads/s':>14} {'ratio':>6} {'recorded':>10} {'dropped':>8}")
    for name, result in results.items():
        print(
            f"{name:13} {result.edu_reads_per_second:13,.0f} {result.buddy_reads_per_second:14,.0f} {result.ratio:6.2f}"
            f" {result.recorded:10,} {result.dropped:8,}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""The same scheduler seed repeats a run record by record of the journal; another seed makes another run.

The guest works by its own script (boot option `script=`), because commands through the agent come whenever the host sends
them. The host acts only while the machine sleeps: virtual time stands still then (docs/testkernel.md, "Repeatable runs").
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from qemu.qmp.legacy import QEMUMonitorProtocol

from orchestrator.base.paths import build_dir
from tests.waiting import TIME_LIMIT, wait_until

pytestmark = pytest.mark.image

# Work, sleep at work, a rebalance at work, a sleep during which the host acts, work, and an orderly removal at work.
SCRIPT = (
    "20:exercise,borrower,start;30:sleep;45:rebalance,owner;55:settings,owner,Wake,1;60:sleep;"
    "70:exercise,borrower,start,jobs;80:eject,owner"
)
END = '"line":"kernel script-done"'
Act = Callable[[QEMUMonitorProtocol], None]


def wake(monitor: QEMUMonitorProtocol) -> None:
    monitor.cmd("system_wakeup")


def knock(monitor: QEMUMonitorProtocol) -> None:
    monitor.cmd("qom-set", path="/machine/peripheral/buddy0", property="wake-event", value=True)


def run(directory: Path, seed: int, sleeps: list[Act], host_delay: float = 0.0) -> list[str]:
    """The journal of one run up to the script's end; each of `sleeps` ends one sleep, `host_delay` seconds after it began."""
    directory.mkdir()
    image = json.loads((build_dir() / "images" / "testkernel" / "image.json").read_text())
    drivers = [image["drivers"][name][file] for name in ("borrower", "owner") for file in ("sys", "inf")]
    options = rf"root=ROOT\BORROWER seed={seed} idle=poll script={SCRIPT}"
    journal, console, monitor = directory / "journal", directory / "console", directory / "qmp"
    command = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-no-user-config"]
    command += ["-display", "none", "-icount", "shift=2,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-S"]
    command += ["-global", "ICH9-LPC.disable_s3=0", "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
    command += ["-chardev", f"file,id=journal,path={journal}", "-device", "buddy-trace,chardev=journal,detail=full"]
    command += ["-serial", f"file:{console}", "-serial", "null", "-device", "pcie-root-port,id=rp1,chassis=1,slot=1"]
    command += ["-device", "buddy,id=buddy0,bus=rp1", "-kernel", image["kernel"], "-initrd", ",".join(drivers)]
    command += ["-append", options, "-qmp", f"unix:{monitor}"]
    server = QEMUMonitorProtocol(str(monitor), server=True)
    environment = {**os.environ, "LD_PRELOAD": str(build_dir() / "qemu-device" / "buddy.so")}
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as process:
        try:
            server.accept(TIME_LIMIT)
            server.cmd("cont")
            for end_sleep in sleeps:
                while (event := server.pull_event(wait=TIME_LIMIT)) is not None and event["event"] != "SUSPEND":
                    pass
                time.sleep(host_delay)  # not a wait for anything: the host's time must not matter
                end_sleep(server)

            def done() -> bool:
                text = console.read_text(errors="replace")
                assert process.poll() is None, text
                return "script: done" in text

            wait_until(done, lambda: f"the script's end: {console.read_text(errors='replace')}")
            server.cmd("qom-set", path="/machine/peripheral-anon/device[0]", property="flush", value=True)
        finally:
            process.kill()
    with contextlib.suppress(Exception):
        server.close()
    records = journal.read_text().splitlines()
    return list(itertools.takewhile(lambda record: END not in record, records))


def first_difference(one: list[str], other: list[str]) -> str | None:
    for number, (left, right) in enumerate(itertools.zip_longest(one, other)):
        if left != right:
            return f"record {number} of {len(one)} and {len(other)}:\n{left}\n{right}"
    return None


def test_the_same_seed_repeats_the_whole_journal_and_another_seed_does_not(tmp_path: Path) -> None:
    first = run(tmp_path / "first", 7, [wake, knock])
    again = run(tmp_path / "again", 7, [wake, knock], host_delay=0.2)
    other = run(tmp_path / "other", 8, [wake, knock])
    jobs = sum('"kind":"job","client":1,"event":"done"' in record for record in first)
    assert jobs > 20 and sum('"event":"wakeup"' in record for record in first) == 2, (
        "the borrower did not work, or slept not twice"
    )
    assert any('"event":"unplug"' in record for record in first) and any("kernel resume status=0x0 wake=pme" in r for r in first)
    assert first_difference(first, again) is None
    assert first_difference(first, other) is not None
    # Not only a few nanoseconds: the order of things differs.
    kinds = [[(r["kind"], r.get("client")) for r in map(json.loads, records)] for records in (first, other)]
    assert kinds[0] != kinds[1]


def service_latencies(records: list[str]) -> list[int]:
    """Nanoseconds from each interrupt of a client to its service routine's first look at INT_STATUS."""
    raised: dict[int, int] = {}
    latencies = []
    for record in map(json.loads, records):
        client = record.get("client")
        if record["kind"] == "interrupt" and record["level"]:
            raised[client] = record["t"]
        elif record["kind"] == "read" and record["reg"] == "INT_STATUS" and client in raised:
            latencies.append(record["t"] - raised.pop(client))
    return latencies


def test_a_seed_varies_when_interrupts_are_served(tmp_path: Path) -> None:
    """Without one each takes the same short time; with one every fourth waits for up to 25 microseconds."""
    calm = service_latencies(run(tmp_path / "calm", 0, [wake, wake]))
    seeded = service_latencies(run(tmp_path / "seeded", 5, [wake, wake]))
    assert len(calm) > 20 and len(seeded) > 20
    usual = sorted(calm)[len(calm) // 2]
    late = [latency for latency in seeded if latency > usual + 5_000]
    assert len(late) > len(seeded) // 10 and max(late) < usual + 40_000
    assert sum(latency > usual + 5_000 for latency in calm) < len(calm) // 10

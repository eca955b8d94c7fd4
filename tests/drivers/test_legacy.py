# SPDX-License-Identifier: MIT
"""The borrower without PnP finds the owner by device name, and fails to load without it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir
from tests.waiting import wait_until

pytestmark = pytest.mark.image


def trace_lines(directory: Path, device_name: int) -> list[str]:
    """Boots owner and borrower-legacy; the trace lines until the kernel has said how the service's start ended."""
    drivers = build_dir() / "drivers"
    inf = directory / "owner.inf"
    text = (drivers / "owner" / "owner.inf").read_text()
    inf.write_text(text.replace("HKR,,DeviceName,0x00010001,0", f"HKR,,DeviceName,0x00010001,{device_name}"))
    legacy = drivers / "borrower-legacy" / "borrower-legacy"
    modules = [drivers / "owner" / "owner.sys", inf, legacy.with_suffix(".sys"), legacy.with_suffix(".inf")]
    journal = directory / "journal.jsonl"
    command = [
        *("qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-m", "64", "-nodefaults", "-no-user-config"),
        *("-display", "none", "-no-reboot", "-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"),
        *("-chardev", f"file,id=journal,path={journal}", "-device", "buddy-trace,chardev=journal"),
        *("-serial", f"file:{directory / 'console.log'}"),
        *["-device", "pcie-root-port,id=rp1,chassis=1,slot=1", "-device", "buddy,id=buddy0,bus=rp1"],
        *("-kernel", str(build_dir() / "testkernel" / "kernel.bin"), "-append", "load=borrower-legacy log=info"),
        *("-initrd", ",".join(map(str, modules))),
    ]
    environment = {**os.environ, "LD_PRELOAD": str(build_dir() / "qemu-device" / "buddy.so")}
    machine = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def started() -> list[str]:
        assert machine.poll() is None, f"QEMU ended; console: {directory / 'console.log'}"
        text = journal.read_text() if journal.exists() else ""
        records = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        lines = [record["line"] for record in records if record["kind"] == "trace"]
        return lines if any(line.startswith("kernel start-service") for line in lines) else []

    try:
        return wait_until(started, f"borrower-legacy to be started; console: {directory / 'console.log'}", pause=0.02)
    finally:
        machine.kill()
        machine.communicate()


def test_it_borrows_from_an_owner_that_has_a_name(tmp_path: Path) -> None:
    lines = trace_lines(tmp_path, device_name=1)
    events = [line.split()[1] for line in lines if line.startswith("borrower-legacy ")]
    assert events[:4] == ["load", "open", "power-up", "borrowed"]
    assert set(events[4:]) <= {"exercise-start"}  # by its setting, when it is there in time
    assert "kernel start-service name=borrower-legacy status=0x00000000" in lines


def test_it_fails_to_load_without_the_name(tmp_path: Path) -> None:
    lines = trace_lines(tmp_path, device_name=0)
    assert not [line for line in lines if line.startswith("borrower-legacy borrowed")]
    # STATUS_OBJECT_NAME_NOT_FOUND
    assert "borrower-legacy open status=0xc0000034 device=1" in lines
    assert "kernel start-service name=borrower-legacy status=0x00000000" not in lines

# SPDX-License-Identifier: MIT
"""Boots of the test kernel alone: no orchestrator, no device module, only stock QEMU and drivers made for a test."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

from .machine import Machine
from .pnpbus import PLUG, Bus

REPOSITORY = Path(__file__).resolve().parents[2]
KERNEL_SOURCE = REPOSITORY / "images" / "testkernel"

INF = """[Version]
Signature = "$WINDOWS NT$"
Class = System
ClassGuid = {{4d36e97d-e325-11ce-bfc1-08002be10318}}
Provider = "Test"
[Manufacturer]
"Test" = Models,NTamd64
[Models.NTamd64]
"{service}" = Install, ROOT\\{service}
[Install.NT]
[Install.NT.Services]
AddService = {service},2,Service
[Service]
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %13%\\{service}.sys
"""


@dataclass(frozen=True)
class Built:
    """What `make` made for this test session."""

    kernel: Path
    drivers: Path


@dataclass
class Boot:
    """A finished boot: its console log and, if it stopped, the machine-readable report."""

    log: str
    bugcheck: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The kernel and the self-test drivers, from the build directory that `make` uses."""
    build = Path(os.environ.get("BUILD") or REPOSITORY / "build").absolute()
    command = ["make", "-s", "-j2", "-C", str(KERNEL_SOURCE), f"BUILD={build}", "all", "selftest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Built(build / "testkernel" / "kernel.bin", build / "testkernel" / "selftest")


@pytest.fixture
def boot(built: Built, tmp_path: Path) -> Callable[..., Boot]:
    """Boots the kernel with a driver on a root device and waits until `until` is on the console, or the kernel stopped."""

    def run(driver: str, until: str, append: str = "", image: Path | None = None, qemu: list[str] | None = None) -> Boot:
        return boot_drivers(built, tmp_path, [driver], [until], append, image, qemu)

    return run


def boot_drivers(
    built: Built,
    directory: Path,
    drivers: list[str],
    until: list[str],
    append: str = "",
    image: Path | None = None,
    qemu: list[str] | None = None,
    inf_text: str = INF,
) -> Boot:
    """Boots the kernel with a root device for each driver and waits until all of `until` are on the console, or it stopped."""
    log = directory / "com1.log"
    log.touch()
    modules = []
    for driver in drivers:
        inf = directory / f"{driver}.inf"
        inf.write_text(inf_text.format(service=driver))
        modules += [str(image or built.drivers / f"{driver}.sys"), str(inf)]
    roots = ",".join(f"ROOT\\{driver}" for driver in drivers)
    command = ["qemu-system-x86_64", "-machine", "q35", "-m", "64", "-accel", "tcg", "-nodefaults", "-display", "none"]
    command += ["-serial", f"file:{log}", "-device", "pvpanic", "-no-reboot", "-action", "panic=exit-failure"]
    command += ["-kernel", str(built.kernel), "-append", f"root={roots} {append}", "-initrd", ",".join(modules), *(qemu or [])]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:

        def ended() -> bool:
            return process.poll() is not None or all(text in log.read_text(errors="replace") for text in until)

        try:
            wait_until(ended, lambda: f"{until} or a stop: {log.read_text()}", pause=0.02)
        finally:
            process.kill()
    text = log.read_text(errors="replace")
    reports = [line.removeprefix("BUGCHECK ") for line in text.splitlines() if line.startswith("BUGCHECK ")]
    return Boot(text, json.loads(reports[0]) if reports else {})


@pytest.fixture
def machine(built: Built, tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """Starts the kernel with the named self-test drivers and INF files (of drivers/), and leaves nothing running.

    An absolute path, with arguments of the module behind it, is taken as it is.
    """
    with contextlib.ExitStack() as machines:

        def start(*names: str, **settings: Any) -> Machine:
            infs = Path(__file__).parent / "drivers"
            # Joined to a folder, an absolute path remains what it is.
            modules = [infs / name if name.endswith(".inf") else built.drivers / name for name in names]
            running = machines.enter_context(Machine(built.kernel, tmp_path, modules, **settings))
            running.wait_console("ready:")
            running.synchronize()
            return running

        yield start


@pytest.fixture
def bus(machine: Callable[..., Machine]) -> Bus:
    """The test bus without children."""
    running = Bus(machine("pnpbus.sys", "pnpbus.inf", append="root=ROOT\\PNPBUS"))
    assert running.seen() == ["bus add", "bus start"]
    return running


@pytest.fixture
def child(bus: Bus) -> Bus:
    """The test bus with child 0 plugged in and started."""
    bus.tell(PLUG)
    assert bus.seen() == ["fdo0 add", "fdo0 start"]
    return bus

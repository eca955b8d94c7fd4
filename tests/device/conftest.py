# SPDX-License-Identifier: MIT
"""Fixtures of the device tests.

BUDDY_MODULE   the module to test, or "in-tree" for a QEMU that has the devices built in
               (default: qemu-device/buddy.so of the build directory, made on demand)
BUDDY_QEMU     the QEMU to run it in (default: qemu-system-x86_64)
BUDDY_PRELOAD  what must be preloaded before the module (the sanitizer runtime)
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.base.paths import build_dir
from tests.device.pci import Bridge, Function
from tests.device.qtest import Machine, Options

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

Start = Callable[..., Machine]


@pytest.fixture(scope="session")
def module() -> Path:
    """The module under test; built if the environment names none."""
    if path := os.environ.get("BUDDY_MODULE"):
        return Path(path)
    subprocess.run(["make", "-s", "-j2", "-C", str(ROOT / "qemu-device")], check=True)
    return build_dir() / "qemu-device" / "buddy.so"


def default_options(module: Path, workdir: Path) -> Options:
    """Options as the environment wants them."""
    return Options(
        module=module,
        workdir=workdir,
        qemu=os.environ.get("BUDDY_QEMU", "qemu-system-x86_64"),
        preload=os.environ.get("BUDDY_PRELOAD", ""),
    )


@pytest.fixture
def options(module: Path, tmp_path: Path) -> Options:
    """Options of a machine; a test changes what it wants before it starts one."""
    return default_options(module, tmp_path)


@pytest.fixture
def start(options: Options) -> Iterator[Start]:
    """Start machines; all are ended, and QEMU must have ended well."""
    machines: list[Machine] = []

    def start_machine(*arguments: str) -> Machine:
        machine = Machine(options, *arguments)
        machines.append(machine)
        return machine

    yield start_machine
    for machine in machines:
        machine.close()
    for machine in machines:
        assert machine.process.returncode == 0, f"QEMU ended with {machine.process.returncode}: {machine.stderr()}"


class Board:
    """A q35 machine with a root port and one of our functions behind it, ready for use."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.port = Bridge(machine, 0, 1)
        self.device = Function(machine, 1, 0)
        self.enumerate()

    def enumerate(self) -> None:
        """Give the port its bus number and windows, and the function its addresses."""
        self.port.configure(1)
        if self.device.present:
            self.device.assign()

    def reg(self, page: int, offset: int, size: int = 4) -> int:
        """Read a register of a client page."""
        return self.machine.read(self.device.bars[0] + 0x1000 * page + offset, size)

    def set_reg(self, page: int, offset: int, value: int, size: int = 4) -> None:
        """Write a register of a client page."""
        self.machine.write(self.device.bars[0] + 0x1000 * page + offset, value, size)


ROOT_PORT = ("-device", "pcie-root-port,id=rp0,addr=1,chassis=1,slot=1")


@pytest.fixture
def buddy(start: Start) -> Board:
    """buddy0 with two clients on a root port, enumerated; the borrower's gate is closed."""
    board = Board(start(*ROOT_PORT, "-device", "buddy,id=buddy0,bus=rp0,serial=0x1122334455667788"))
    board.machine.new_records()
    return board


@pytest.fixture
def fredbus(start: Start) -> Board:
    """fred0 with eight empty slots on a root port, enumerated."""
    board = Board(start(*ROOT_PORT, "-device", "fredbus,id=fred0,bus=rp0"))
    board.machine.new_records()
    return board


@pytest.fixture
def make_buddy(start: Start) -> Callable[[str], Board]:
    """The same with properties of the test's choice."""

    def make(properties: str = "") -> Board:
        board = Board(start(*ROOT_PORT, "-device", f"buddy,id=buddy0,bus=rp0{properties and ',' + properties}"))
        board.machine.new_records()
        return board

    return make

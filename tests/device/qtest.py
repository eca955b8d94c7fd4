# SPDX-License-Identifier: MIT
"""QEMU without a guest: drives a machine's devices through the qtest protocol and QMP. With accel="tcg": a guest, and only QMP.

qtest (QEMU's docs/devel/testing/qtest) is a line protocol: the test performs port and memory accesses itself and moves virtual
time. There is no processor that runs, so nothing happens unless the test says so, and a run takes milliseconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qemu.qmp.legacy import QEMUMonitorProtocol

TIMEOUT = 20.0

Record = dict[str, Any]


class QtestError(Exception):
    """QEMU answered something other than OK, or is gone."""


@dataclass
class Options:
    """How a machine is started."""

    module: Path
    workdir: Path
    qemu: str = "qemu-system-x86_64"
    machine: str = "q35"
    accel: str = "qtest"
    preload: str = ""  # what must be preloaded before the module (sanitizer runtime)
    detail: str = "full"
    journal: bool = True
    native_hotplug: bool = True
    inherit: list[int] = field(default_factory=list)  # file descriptors that QEMU gets


class Machine:
    """A running QEMU with qtest, QMP and the journal."""

    def __init__(self, options: Options, *arguments: str) -> None:
        self.options = options
        self.journal_path = options.workdir / "journal.jsonl"
        self._qtest, qtest_child = socket.socketpair()
        qmp_parent, qmp_child = socket.socketpair()
        self._qtest.settimeout(TIMEOUT)
        self._pending = b""
        command = [
            options.qemu,
            *("-machine", options.machine, "-accel", options.accel, "-m", "64", "-nodefaults", "-display", "none"),
            *("-chardev", f"socket,id=qmp,fd={qmp_child.fileno()}", "-mon", "chardev=qmp,mode=control"),
        ]
        if options.accel == "qtest":
            command += ["-chardev", f"socket,id=qtest,fd={qtest_child.fileno()}", "-qtest", "chardev:qtest", "-qtest-log", "none"]
        if options.native_hotplug and options.machine.startswith("q35"):
            command += ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]
        if options.journal:
            command += ["-chardev", f"file,id=journal,path={self.journal_path}"]
            command += ["-device", f"buddy-trace,id=trace,chardev=journal,detail={options.detail}"]
        command += arguments
        self.command = command
        environment = dict(os.environ)
        if options.module.name != "in-tree":
            environment["LD_PRELOAD"] = f"{options.preload} {options.module}".strip()
        if options.accel == "qtest":
            environment["BUDDY_QTEST"] = "1"  # Debian's QEMU lacks the qtest accelerator; the loader brings one
        # QEMU itself is not built for leak checking, and its coroutines switch stacks.
        environment["ASAN_OPTIONS"] = "detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1"
        environment["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        self.stderr_path = options.workdir / "qemu.err"
        with self.stderr_path.open("wb") as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                env=environment,
                restore_signals=False,  # a file that may not grow is an error, not the end (SIGXFSZ)
                pass_fds=(qtest_child.fileno(), qmp_child.fileno(), *options.inherit),
            )
        qtest_child.close()
        qmp_child.close()
        self.qmp = QEMUMonitorProtocol(qmp_parent)
        self.qmp.settimeout(TIMEOUT)
        try:
            self.qmp.connect()
        except Exception as error:
            self.process.kill()
            self.process.wait()
            raise QtestError(f"QEMU did not start: {self.stderr()}") from error
        self._journal_read = 0  # bytes
        self.now = 0  # virtual nanoseconds
        self.irq_levels: dict[int, bool] = {}  # of the controller that irq_intercept_in names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
        if kind is None:
            assert self.process.returncode == 0, f"QEMU ended with {self.process.returncode}: {self.stderr()}"

    def stderr(self) -> str:
        """What QEMU has written to its console."""
        return self.stderr_path.read_text(errors="replace")

    def close(self) -> None:
        """Ask QEMU to quit; kill it if it does not."""
        if self.process.poll() is None:
            try:
                self.qmp.cmd_raw("quit")
                self.process.wait(TIMEOUT)
            except Exception:  # whatever is wrong with it, it must not stay
                self.process.kill()
                self.process.wait()
        with contextlib.suppress(Exception):  # the other end may be gone already
            self.qmp.close()
        self._qtest.close()

    # ---- qtest -------------------------------------------------------------------------------------------------

    def qtest(self, line: str) -> list[str]:
        """One qtest command; returns the words after OK."""
        self._qtest.sendall(line.encode() + b"\n")
        while True:
            while b"\n" not in self._pending:
                try:
                    more = self._qtest.recv(65536)
                except TimeoutError as error:
                    raise QtestError(f"no answer to {line!r} in {TIMEOUT} s; QEMU said: {self.stderr()}") from error
                if not more:
                    self.process.wait(TIMEOUT)
                    raise QtestError(f"QEMU is gone after {line!r} (status {self.process.returncode}): {self.stderr()}")
                self._pending += more
            answer, self._pending = self._pending.split(b"\n", 1)
            words = answer.decode().split()
            if words and words[0] == "IRQ":
                self.irq_levels[int(words[2])] = words[1] == "raise"
                continue
            if not words or words[0] != "OK":
                raise QtestError(f"{line!r}: {answer.decode()!r}")
            return words[1:]

    def inb(self, port: int) -> int:
        """Read a byte from an I/O port."""
        return int(self.qtest(f"inb {port:#x}")[0], 0)

    def inl(self, port: int) -> int:
        """Read 32 bits from an I/O port."""
        return int(self.qtest(f"inl {port:#x}")[0], 0)

    def outb(self, port: int, value: int) -> None:
        """Write a byte to an I/O port."""
        self.qtest(f"outb {port:#x} {value:#x}")

    def outw(self, port: int, value: int) -> None:
        """Write 16 bits to an I/O port."""
        self.qtest(f"outw {port:#x} {value:#x}")

    def outl(self, port: int, value: int) -> None:
        """Write 32 bits to an I/O port."""
        self.qtest(f"outl {port:#x} {value:#x}")

    def read(self, address: int, size: int = 4) -> int:
        """Read 1, 2, 4 or 8 bytes of guest-physical address space."""
        return int(self.qtest(f"read{'_bw_l___q'[size]} {address:#x}")[0], 0)

    def write(self, address: int, value: int, size: int = 4) -> None:
        """Write 1, 2, 4 or 8 bytes of guest-physical address space."""
        self.qtest(f"write{'_bw_l___q'[size]} {address:#x} {value:#x}")

    def read_bytes(self, address: int, length: int) -> bytes:
        """Read guest memory."""
        return bytes.fromhex(self.qtest(f"read {address:#x} {length:#x}")[0][2:])

    def write_bytes(self, address: int, data: bytes) -> None:
        """Write guest memory."""
        self.qtest(f"write {address:#x} {len(data):#x} 0x{data.hex()}")

    def step(self, nanoseconds: int) -> None:
        """Let virtual time pass; timers that expire on the way are served."""
        self.now = int(self.qtest(f"clock_step {nanoseconds}")[0])

    def trace_line(self, line: str) -> None:
        """Write a trace line as a driver does."""
        for byte in line.encode() + b"\n":
            self.outb(0xB00, byte)

    # ---- QMP ---------------------------------------------------------------------------------------------------

    def command_qmp(self, name: str, **arguments: Any) -> Any:
        """One QMP command; an error raises."""
        return self.qmp.cmd(name, **arguments)

    def qom_get(self, path: str, name: str) -> Any:
        """Property of a device (by id) or of a QOM path."""
        return self.command_qmp("qom-get", path=self._path(path), property=name)

    def qom_set(self, path: str, name: str, value: Any) -> None:
        """Set a property of a device (by id) or of a QOM path."""
        self.command_qmp("qom-set", path=self._path(path), property=name, value=value)

    @staticmethod
    def _path(path: str) -> str:
        return path if path.startswith("/") else f"/machine/peripheral/{path}"

    def wait_event(self, name: str, **data: Any) -> dict[str, Any]:
        """The next QMP event with this name and these data; others before it are passed over."""
        while True:
            try:
                event = self.qmp.pull_event(wait=TIMEOUT)
            except TimeoutError as error:
                raise QtestError(f"no event {name} {data or ''} in {TIMEOUT} s; QEMU said: {self.stderr()}") from error
            assert event is not None
            if event["event"] == name and all(event.get("data", {}).get(key) == value for key, value in data.items()):
                return dict(event)

    def yank(self, device: str) -> None:
        """Surprise removal; returns when QEMU's device object is gone."""
        self.qom_set(device, "yank", True)
        self.wait_event("DEVICE_DELETED", device=device)

    # ---- journal -----------------------------------------------------------------------------------------------

    def journal(self) -> list[Record]:
        """All records so far."""
        self.qom_set("trace", "flush", True)
        return self.records()

    def records(self) -> list[Record]:
        """What the journal's file holds."""
        return [json.loads(line) for line in self.journal_path.read_text().splitlines()]

    def new_records(self) -> list[Record]:
        """The records since the last call. Only they are read: a long test asks thousands of times."""
        self.qom_set("trace", "flush", True)
        with self.journal_path.open("rb") as file:
            file.seek(self._journal_read)
            fresh = file.read()
        self._journal_read += len(fresh)
        return [json.loads(line) for line in fresh.splitlines()]

    def violations(self) -> list[str]:
        """The rules that the new records say were broken, in order."""
        return [record["rule"] for record in self.new_records() if record["kind"] == "violation"]

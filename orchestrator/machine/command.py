# SPDX-License-Identifier: MIT
"""QEMU's command line for a machine. Pure: the same configuration gives the same line, which `--print` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.machine.module import QemuInstallation
from orchestrator.machine.topology import Device, Topology

DEFAULT_MEMORY_MIB = 64


@dataclass(frozen=True)
class MachineFiles:
    """Where the machine's channels end: files in the run directory, sockets in a private directory."""

    run: Path
    private: Path

    @property
    def journal(self) -> Path:
        """The device's journal."""
        return self.run / "journal.jsonl"

    @property
    def console(self) -> Path:
        """COM1."""
        return self.run / "console.log"

    @property
    def qemu_log(self) -> Path:
        """QEMU's own messages."""
        return self.run / "qemu.log"

    @property
    def qmp_log(self) -> Path:
        """Every QMP message."""
        return self.run / "qmp.jsonl"

    @property
    def qmp(self) -> Path:
        """The monitor's socket; QEMU connects to us."""
        return self.private / "qmp"

    @property
    def gdb(self) -> Path:
        """The socket of QEMU's gdb server."""
        return self.private / "gdb"

    @property
    def dump(self) -> Path:
        """The guest's memory, if it stopped unexpectedly."""
        return self.run / "memory.elf"

    @property
    def agent(self) -> Path:
        """COM2, the guest agent's named pipes: this + .in and .out."""
        return self.private / "agent"


@dataclass(frozen=True)
class GdbServer:
    """QEMU's gdb server; the machine waits for gdb. Without a port it is a socket in the private directory."""

    port: int | None = None

    def address(self, files: MachineFiles) -> str:
        """What gdb's `target remote` takes."""
        return f"127.0.0.1:{self.port}" if self.port is not None else str(files.gdb)

    def arguments(self, files: MachineFiles) -> list[str]:
        """QEMU's arguments."""
        if self.port is not None:
            return ["-gdb", f"tcp:127.0.0.1:{self.port}", "-S"]
        return ["-chardev", f"socket,id=gdb,path={files.gdb},server=on,wait=off", "-gdb", "chardev:gdb", "-S"]


@dataclass(frozen=True)
class MachineConfig:
    """Everything that decides QEMU's command line."""

    qemu: QemuInstallation
    accelerator: str
    topology: Topology
    boot: Sequence[str]
    memory_mib: int = DEFAULT_MEMORY_MIB
    journal_detail: str = "full"
    gdb: GdbServer | None = None
    extra: Sequence[str] = ()


def environment(config: MachineConfig) -> Mapping[str, str]:
    """What QEMU's environment needs beyond ours."""
    return {"LD_PRELOAD": str(config.qemu.module)}


def command(config: MachineConfig, files: MachineFiles) -> list[str]:
    """QEMU's command line."""
    line = [
        str(config.qemu.program),
        *("-accel", config.accelerator),
        *("-machine", "q35", "-nodefaults", "-no-user-config", "-display", "none"),
        *("-m", str(config.memory_mib)),
        # S3 is off by default in recent machine types; without the second line a hot-plug goes through ACPI, not
        # through the slot that we want to see working.
        *("-global", "ICH9-LPC.disable_s3=0"),
        *("-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"),
        *("-chardev", f"socket,id=qmp,path={files.qmp}", "-mon", "chardev=qmp,mode=control"),
        *("-chardev", f"file,id=journal,path={files.journal}"),
        *("-device", f"buddy-trace,chardev=journal,detail={config.journal_detail}"),
        *("-chardev", f"file,id=console,path={files.console}"),
        *("-device", "isa-serial,chardev=console,index=0"),
        *("-chardev", f"pipe,id=agent,path={files.agent}", "-device", "isa-serial,chardev=agent,index=1"),
        # Whatever ends the guest leaves the machine stopped, so that evidence can still be taken.
        *("-device", "pvpanic", "-action", "panic=pause,reboot=shutdown,shutdown=pause"),
    ]
    for number, port in enumerate(config.topology.ports, 1):
        line += ["-device", f"pcie-root-port,id={port},chassis={number},slot={number}"]
    for device in config.topology.devices.values():
        if device.plugged:
            line += ["-device", _option(device)]
    if config.gdb is not None:
        line += config.gdb.arguments(files)
    return [*line, *config.boot, *config.extra]


def _option(device: Device) -> str:
    return ",".join([device.driver, *(f"{key}={_value(value)}" for key, value in device.arguments().items() if key != "driver")])


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value).replace(",", ",,")

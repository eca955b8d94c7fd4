# SPDX-License-Identifier: MIT
"""PCI as a driver sees it: configuration space, enumeration behind a bridge, BARs, capabilities, MSI and MSI-X."""

from __future__ import annotations

from tests.device.qtest import Machine

COMMAND = 0x04
COMMAND_IO, COMMAND_MEMORY, COMMAND_MASTER, COMMAND_INTX_OFF = 0x1, 0x2, 0x4, 0x400
CAP_PM, CAP_MSI, CAP_EXPRESS, CAP_MSIX = 0x01, 0x05, 0x10, 0x11
PM_CONTROL = 4

SLOT_STATUS, SLOT_CONTROL = 0x1A, 0x18

# Windows of the bridges: below 4 GiB in q35's and pc's PCI hole, and above.
MEMORY_BASE = 0xE0000000
PREFETCH_BASE = 0x800000000
MESSAGES = 0x100000  # guest memory that message-signalled interrupts are sent to


class Function:
    """One PCI function at bus, device, function 0, reached through ports 0xCF8 and 0xCFC."""

    def __init__(self, machine: Machine, bus: int, device: int, function: int = 0) -> None:
        self.machine = machine
        self.bus, self.device, self.function = bus, device, function
        self.bars: dict[int, int] = {}

    def _select(self, offset: int) -> int:
        self.machine.outl(0xCF8, 0x80000000 | self.bus << 16 | self.device << 11 | self.function << 8 | (offset & 0xFC))
        return 0xCFC + (offset & 3)

    def config_read(self, offset: int, size: int = 4) -> int:
        """Read 1, 2 or 4 bytes of configuration space (extended configuration space through ECAM)."""
        if offset >= 0x100:
            return self.machine.read(self._ecam(offset), size)
        return int(self.machine.qtest(f"in{'_bw_l'[size]} {self._select(offset):#x}")[0], 0)

    def config_write(self, offset: int, value: int, size: int = 4) -> None:
        """Write 1, 2 or 4 bytes of configuration space."""
        if offset >= 0x100:
            self.machine.write(self._ecam(offset), value, size)
            return
        self.machine.qtest(f"out{'_bw_l'[size]} {self._select(offset):#x} {value:#x}")

    def _ecam(self, offset: int) -> int:
        host = Function(self.machine, 0, 0)
        host.config_write(0x60, 0xB0000001)  # q35: PCIEXBAR at 0xb0000000, 256 buses
        return 0xB0000000 + (self.bus << 20 | self.device << 15 | self.function << 12 | offset)

    @property
    def present(self) -> bool:
        """Some function answers here."""
        return self.config_read(0, 2) != 0xFFFF

    def capability(self, identifier: int) -> int:
        """Offset of a capability, or 0; also when nothing answers."""
        offset = self.config_read(0x34, 1)
        while offset not in (0, 0xFF):
            if self.config_read(offset, 1) == identifier:
                return offset
            offset = self.config_read(offset + 1, 1)
        return 0

    def extended_capability(self, identifier: int) -> int:
        """Offset of an extended capability, or 0."""
        offset = 0x100
        while offset:
            header = self.config_read(offset)
            if header & 0xFFFF == identifier:
                return offset
            offset = header >> 20
        return 0

    def command(self, bits: int) -> None:
        """Set the command register."""
        self.config_write(COMMAND, bits, 2)

    bar_count = 6

    def assign(self, memory: int = MEMORY_BASE, prefetch: int = PREFETCH_BASE) -> None:
        """Size all BARs and give them addresses; then switch memory decoding and bus mastering on."""
        bar = 0
        while bar < self.bar_count:
            offset = 0x10 + 4 * bar
            self.config_write(offset, 0xFFFFFFFF)
            mask = self.config_read(offset)
            if not mask:
                bar += 1
                continue
            if mask & 1:
                size = (~(mask & ~3) & 0xFFFF) + 1
                self.bars[bar] = 0xC000 + 0x100 * bar
                self.config_write(offset, self.bars[bar])
                bar += 1
                continue
            size = (~(mask & ~0xF) & 0xFFFFFFFF) + 1
            wide = (mask & 6) == 4
            if mask & 8:
                prefetch = (prefetch + size - 1) & ~(size - 1)
                address, prefetch = prefetch, prefetch + size
            else:
                memory = (memory + size - 1) & ~(size - 1)
                address, memory = memory, memory + size
            self.config_write(offset, address & 0xFFFFFFFF)
            if wide:
                self.config_write(offset + 4, address >> 32)
            self.bars[bar] = address
            bar += 2 if wide else 1
        self.command(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER)

    # ---- power -------------------------------------------------------------------------------------------------

    def set_power(self, state: int) -> None:
        """Write the power state (0 to 3) into PMCSR."""
        self.config_write(self.capability(CAP_PM) + PM_CONTROL, state, 2)

    def power(self) -> int:
        """The power state that PMCSR shows."""
        return self.config_read(self.capability(CAP_PM) + PM_CONTROL, 2) & 3

    # ---- message-signalled interrupts ---------------------------------------------------------------------------

    def enable_msi(self, vectors_log2: int = 0) -> None:
        """MSI to guest memory at MESSAGES; the data are 0x4000 + vector."""
        cap = self.capability(CAP_MSI)
        self.config_write(cap + 4, MESSAGES)
        self.config_write(cap + 8, 0)
        self.config_write(cap + 12, 0x4000, 2)
        self.config_write(cap + 2, (self.config_read(cap + 2, 2) & ~0x70) | vectors_log2 << 4 | 1, 2)

    def enable_msix(self, vectors: int) -> None:
        """MSI-X to guest memory at MESSAGES + 16 * vector; the data are 0x5000 + vector."""
        cap = self.capability(CAP_MSIX)
        for vector in range(vectors):
            entry = self.bars[4] + 16 * vector
            self.machine.write(entry, MESSAGES + 16 * vector)
            self.machine.write(entry + 4, 0)
            self.machine.write(entry + 8, 0x5000 + vector)
            self.machine.write(entry + 12, 0)
        self.config_write(cap + 2, 0x8000, 2)

    def message(self, vector: int = 0) -> int:
        """The message that arrived (0: none); taking it clears the place."""
        address = MESSAGES + 16 * vector
        value = self.machine.read(address)
        self.machine.write(address, 0)
        return value


class Bridge(Function):
    """A PCI Express port with a slot."""

    bar_count = 2

    def configure(self, secondary: int, subordinate: int | None = None) -> None:
        """Bus numbers and windows: 32 MiB of memory and of prefetchable memory; decoding on."""
        self.config_write(0x18, (subordinate or secondary) << 16 | secondary << 8 | self.bus)
        self.config_write(0x20, (MEMORY_BASE >> 16) | 0xE1F00000)
        self.config_write(0x24, (PREFETCH_BASE >> 16) & 0xFFF0 | 0x01F00000)
        self.config_write(0x28, PREFETCH_BASE >> 32)
        self.config_write(0x2C, PREFETCH_BASE >> 32)
        self.config_write(0x1C, 0xC0C0, 2)
        self.command(COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER)

    def enable_msix_port(self) -> None:
        """MSI-X of the port itself, whose table is in its BAR 0."""
        self.bars[4] = self.bars[0]
        self.enable_msix(1)

    def express(self, offset: int) -> int:
        """16 bits of the PCI Express capability."""
        return self.config_read(self.capability(CAP_EXPRESS) + offset, 2)

    def set_express(self, offset: int, value: int) -> None:
        """Write 16 bits of the PCI Express capability."""
        self.config_write(self.capability(CAP_EXPRESS) + offset, value, 2)

    def slot_power(self, on: bool) -> None:
        """Switch the slot's power and its indicator."""
        control = self.express(SLOT_CONTROL) & ~0x700
        self.set_express(SLOT_CONTROL, control | (0x100 if on else 0x700))
        self.set_express(SLOT_STATUS, self.express(SLOT_STATUS) & 0x13F)

# SPDX-License-Identifier: MIT
"""The registers as the SystemRDL description has them: names, offsets, masks and reset values, for tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import rdl_outputs

REGISTERS = Path(__file__).resolve().parents[2] / "qemu-device" / "registers"

Register = rdl_outputs.Register


@cache
def block(device: str, name: str) -> dict[str, Register]:
    """The registers of a block ("client", "owner", "bus", "slot") by name."""
    return {
        register.name: register
        for register in rdl_outputs.compile_map(REGISTERS / f"{device}.rdl", device)
        if register.block == name
    }


class Client:
    """Offsets of buddy's client registers, spelled once."""

    ID, VERSION, CAPS, CLIENT, SCRATCH, STATUS = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
    INT_STATUS, INT_ENABLE, SEM, ERROR = 0x18, 0x1C, 0x20, 0x24
    DOORBELL, DOORBELL_FROM = 0x30, 0x34
    MBOX_OUT, MBOX_SEND, MBOX_IN, MBOX_STATUS = 0x38, 0x3C, 0x40, 0x44
    JOB_DURATION, JOB_CTRL, JOB_ARG, JOB_RESULT, JOB_COUNT = 0x50, 0x54, 0x58, 0x5C, 0x60
    TXN_BEGIN, TXN_DATA, TXN_COMMIT, TXN_RESULT = 0x70, 0x74, 0x78, 0x7C
    DMA_BASE_LO, DMA_BASE_HI, DMA_SIZE, DMA_HEAD, DMA_TAIL, DMA_CTRL = 0x80, 0x84, 0x88, 0x8C, 0x90, 0x94
    GATE, CONTROL, INT_PENDING, VIOLATIONS = 0x800, 0x804, 0x808, 0x80C


# INT_STATUS and INT_ENABLE
JOB, DOORBELL, MAILBOX, DMA, ERROR = 1, 2, 4, 8, 16
# ERROR
JOB_REFUSED, DMA_ADDRESS, DMA_MASTER, TXN_TORN, DMA_RING, MBOX_FULL = 1, 2, 4, 8, 16, 32
# STATUS
JOB_BUSY, SEM_MINE, SEM_TAKEN, TXN_OPEN, DMA_BUSY, INT_ASSERTED = 1, 2, 4, 8, 16, 32

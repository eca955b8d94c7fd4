# SPDX-License-Identifier: MIT
"""A small model of `buddy`'s registers, written from docs/device.md, that a test compares the device with read by read.

It models client pages, gates, semaphore, doorbells, mail, jobs, transactions and the D-states of a function with No_Soft_Reset;
not the DMA engine, whose head register the random tests leave alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.device.registers import (
    DOORBELL,
    INT_ASSERTED,
    JOB,
    JOB_BUSY,
    JOB_REFUSED,
    MAILBOX,
    MBOX_FULL,
    SEM_MINE,
    SEM_TAKEN,
    TXN_OPEN,
    TXN_TORN,
    Client,
    block,
)
from tests.device.registers import ERROR as ERROR_CAUSE

ALL_ONES = 0xFFFFFFFF
PAGE = block("buddy", "client")
OWNER = block("buddy", "owner")
PLAIN = ("SCRATCH", "INT_ENABLE", "MBOX_OUT", "JOB_DURATION", "JOB_ARG", "DMA_BASE_LO", "DMA_BASE_HI", "DMA_SIZE")
BY_OFFSET = {register.offset: register for register in PAGE.values()}
OWNER_BY_OFFSET = {0x800 + register.offset: register for register in OWNER.values()}


@dataclass
class Page:
    """What one client's registers hold."""

    values: dict[str, int] = field(default_factory=lambda: {name: register.reset for name, register in PAGE.items()})


@dataclass
class Transaction:
    """The open transaction."""

    client: int
    total: int = 0
    words: int = 0


class Model:
    """The device; times are in nanoseconds of virtual time."""

    def __init__(self, clients: int, caps: int) -> None:
        self.clients, self.caps = clients, caps
        self.now = 0
        self.power = 0
        self.violations: list[str] = []
        self.reset()

    def reset(self) -> None:
        """All registers to their reset values."""
        self.pages = [Page() for _ in range(self.clients)]
        self.gate = 1
        self.holder: int | None = None
        self.job: tuple[int, int, int] | None = None  # client, end, operand
        self.transaction: Transaction | None = None

    # ---- time and power ------------------------------------------------------------------------------------------

    def step(self, nanoseconds: int) -> None:
        """Let time pass."""
        self.now += nanoseconds
        if self.job and self.job[1] <= self.now:
            client, _, operand = self.job
            self.job = None
            self.pages[client].values["JOB_RESULT"] = operand ^ ALL_ONES
            self.pages[client].values["JOB_COUNT"] += 1
            self.cause(client, JOB)

    def set_power(self, state: int) -> None:
        """D0 or D3hot."""
        if self.power == 0 and state:
            if self.job:
                self.violations.append("busy-at-power-down")
            self.job = self.transaction = None
        self.power = state

    # ---- accesses ------------------------------------------------------------------------------------------------

    def answers(self, page: int) -> bool:
        """Whether the page answers at all; records the violation if not."""
        if self.power:
            self.violations.append("access-not-in-d0")
        elif not self.gate >> page & 1:
            self.violations.append("gate-closed")
        else:
            return True
        return False

    def read(self, page: int, offset: int) -> int:
        """What a 32-bit read gives."""
        if not self.answers(page):
            return ALL_ONES
        if page == 0 and offset in OWNER_BY_OFFSET:
            return {"GATE": self.gate, "INT_PENDING": self.pending()}.get(OWNER_BY_OFFSET[offset].name, 0)
        if offset not in BY_OFFSET:
            self.violations.append("access-reserved")
            return 0
        name = BY_OFFSET[offset].name
        special = {"CAPS": self.caps, "CLIENT": page, "STATUS": self.status(page)}
        if name == "SEM":
            return 0 if self.holder is None else self.holder + 1
        return special.get(name, self.pages[page].values[name]) if not BY_OFFSET[offset].mask("wo") else 0

    def write(self, page: int, offset: int, value: int) -> None:
        """A 32-bit write."""
        if not self.answers(page):
            return
        if page == 0 and offset in OWNER_BY_OFFSET:
            self.write_owner(OWNER_BY_OFFSET[offset].name, value)
            return
        if offset not in BY_OFFSET:
            self.violations.append("access-reserved")
            return
        register = BY_OFFSET[offset]
        values = self.pages[page].values
        if not register.mask("rw", "w1c", "wo"):
            self.violations.append("write-read-only")
        elif register.name in PLAIN:
            values[register.name] = value & register.mask("rw")
        elif register.mask("w1c"):
            values[register.name] &= ~(value & register.mask("w1c"))
        else:
            getattr(self, f"write_{register.name.lower()}")(page, value)

    def odd_access(self, page: int) -> int:
        """An access of another size than 32 bits, or an unaligned one: all ones, no effect."""
        if self.answers(page):
            self.violations.append("access-size")
        return (1 << 64) - 1

    def write_owner(self, name: str, value: int) -> None:
        """GATE, CONTROL, and the registers that only the owner reads."""
        if name == "GATE":
            self.gate = (value | 1) & ((1 << self.clients) - 1)
        elif name == "CONTROL":
            if value & 2:
                self.holder = None
            if value & 1:
                self.reset()
        else:
            self.violations.append("write-read-only")

    # ---- what registers do -----------------------------------------------------------------------------------------

    def cause(self, client: int, bits: int) -> None:
        """Latch interrupt causes."""
        self.pages[client].values["INT_STATUS"] |= bits

    def error(self, client: int, bits: int) -> None:
        """Latch an error and its cause."""
        self.pages[client].values["ERROR"] |= bits
        self.cause(client, ERROR_CAUSE)

    def asserted(self, page: int) -> bool:
        """The client's interrupt."""
        return bool(self.pages[page].values["INT_STATUS"] & self.pages[page].values["INT_ENABLE"])

    def pending(self) -> int:
        """INT_PENDING."""
        return sum(1 << page for page in range(self.clients) if self.asserted(page))

    def status(self, page: int) -> int:
        """STATUS."""
        flags = {
            JOB_BUSY: self.job is not None,
            SEM_MINE: self.holder == page,
            SEM_TAKEN: self.holder is not None,
            TXN_OPEN: self.transaction is not None,
            INT_ASSERTED: self.asserted(page),
        }
        return sum(bit for bit, is_set in flags.items() if is_set)

    def holds(self, page: int) -> bool:
        """Whether the client holds the semaphore; records the violation if not."""
        if self.holder != page:
            self.violations.append("no-semaphore")
        return self.holder == page

    def write_sem(self, page: int, value: int) -> None:
        if value & 1:
            self.holder = page if self.holder is None else self.holder
        elif self.holder == page:
            self.holder = None
        else:
            self.violations.append("semaphore-not-held")

    def write_doorbell(self, page: int, value: int) -> None:
        for client in range(self.clients):
            if value >> client & 1:
                self.pages[client].values["DOORBELL_FROM"] |= 1 << page
                self.cause(client, DOORBELL)

    def write_mbox_send(self, page: int, value: int) -> None:
        to = value & 0xF
        if to >= self.clients:
            return
        receiver = self.pages[to].values
        if receiver["MBOX_STATUS"] & 1:
            self.error(page, MBOX_FULL)
            return
        receiver["MBOX_IN"] = self.pages[page].values["MBOX_OUT"]
        receiver["MBOX_STATUS"] = 1 | page << 8
        self.cause(to, MAILBOX)

    def write_job_ctrl(self, page: int, value: int) -> None:
        if value & 2 and self.job and self.job[0] == page:
            self.job = None
        if value & 1:
            if not self.holds(page) or self.job:
                self.error(page, JOB_REFUSED)
                return
            values = self.pages[page].values
            self.job = (page, self.now + max(values["JOB_DURATION"], 1) * 1000, values["JOB_ARG"])

    def transaction_step(self, page: int) -> bool:
        """Whether a transaction step of this client may go on; tears another's."""
        self.holds(page)
        if self.transaction is None or self.transaction.client == page:
            return True
        self.violations.append("torn-transaction")
        self.error(self.transaction.client, TXN_TORN)
        self.error(page, TXN_TORN)
        self.transaction = None
        return False

    def write_txn_begin(self, page: int, _: int) -> None:
        if self.transaction_step(page):
            self.transaction = Transaction(page)

    def write_txn_data(self, page: int, value: int) -> None:
        if self.transaction_step(page) and self.transaction:
            self.transaction.total = (self.transaction.total + value) & ALL_ONES
            self.transaction.words += 1

    def write_txn_commit(self, page: int, value: int) -> None:
        if not self.transaction_step(page) or not self.transaction:
            return
        if value == self.transaction.words:
            self.pages[page].values["TXN_RESULT"] = self.transaction.total
        else:
            self.violations.append("transaction-word-count")
            self.error(page, TXN_TORN)
        self.transaction = None


ACCESSIBLE = sorted(
    offset for offset in (*BY_OFFSET, *OWNER_BY_OFFSET) if offset not in (Client.DMA_HEAD, Client.DMA_CTRL, Client.VIOLATIONS)
)

# SPDX-License-Identifier: MIT
"""What clients do to each other: semaphore, doorbells, mail, jobs, transactions; and how that interrupts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.device.conftest import Board
from tests.device.pci import CAP_MSI, CAP_MSIX, COMMAND_INTX_OFF, COMMAND_MASTER, COMMAND_MEMORY
from tests.device.registers import (
    DOORBELL,
    ERROR,
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
)


@pytest.fixture
def pair(buddy: Board) -> Board:
    """Both pages open, MSI-X on."""
    buddy.set_reg(0, Client.GATE, 3)
    buddy.device.enable_msix(2)
    buddy.machine.new_records()
    return buddy


def kinds(board: Board, kind: str, *keys: str) -> list[tuple[object, ...]]:
    """The new records of a kind, as tuples of some members."""
    return [tuple(r[key] for key in keys) for r in board.machine.new_records() if r["kind"] == kind]


def test_the_semaphore_has_one_holder(pair: Board) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(1, Client.SEM, 1)
    assert pair.reg(1, Client.SEM) == 1
    assert pair.reg(0, Client.STATUS) == SEM_MINE | SEM_TAKEN
    assert pair.reg(1, Client.STATUS) == SEM_TAKEN
    pair.set_reg(0, Client.SEM, 0)
    pair.set_reg(1, Client.SEM, 1)
    assert pair.reg(0, Client.SEM) == 2
    assert kinds(pair, "semaphore", "client", "event") == [(0, "taken"), (1, "busy"), (0, "released"), (1, "taken")]


def test_releasing_a_semaphore_of_another_is_a_violation(pair: Board) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(1, Client.SEM, 0)
    assert pair.machine.violations() == ["semaphore-not-held"]
    assert pair.reg(0, Client.SEM) == 1


def test_the_owner_breaks_the_semaphore(pair: Board) -> None:
    pair.set_reg(1, Client.SEM, 1)
    pair.set_reg(0, Client.CONTROL, 2)
    assert pair.reg(0, Client.SEM) == 0
    assert kinds(pair, "semaphore", "client", "event")[-1] == (1, "broken")


@pytest.mark.parametrize("sender", [0, 1])
def test_doorbell_interrupts_the_other_client(pair: Board, sender: int) -> None:
    receiver = 1 - sender
    pair.set_reg(receiver, Client.INT_ENABLE, DOORBELL)
    pair.set_reg(sender, Client.DOORBELL, 1 << receiver)
    assert pair.device.message(receiver) == 0x5000 + receiver
    assert pair.reg(receiver, Client.DOORBELL_FROM) == 1 << sender
    assert pair.reg(receiver, Client.INT_STATUS) == DOORBELL
    assert pair.reg(0, Client.INT_PENDING) == 1 << receiver
    pair.set_reg(receiver, Client.DOORBELL_FROM, 1 << sender)
    pair.set_reg(receiver, Client.INT_STATUS, DOORBELL)
    assert pair.reg(receiver, Client.DOORBELL_FROM) == 0
    assert pair.reg(receiver, Client.STATUS) & INT_ASSERTED == 0


@pytest.mark.parametrize("sender", [0, 1])
def test_mail_is_delivered_once_and_a_full_box_refuses(pair: Board, sender: int) -> None:
    receiver = 1 - sender
    pair.set_reg(sender, Client.MBOX_OUT, 0xCAFE)
    pair.set_reg(sender, Client.MBOX_SEND, receiver)
    assert pair.reg(receiver, Client.MBOX_IN) == 0xCAFE
    assert pair.reg(receiver, Client.MBOX_STATUS) == 1 | sender << 8
    assert pair.reg(receiver, Client.INT_STATUS) == MAILBOX
    pair.set_reg(sender, Client.MBOX_OUT, 0xBEEF)
    pair.set_reg(sender, Client.MBOX_SEND, receiver)
    assert pair.reg(sender, Client.ERROR) == MBOX_FULL
    assert pair.reg(receiver, Client.MBOX_IN) == 0xCAFE
    pair.set_reg(receiver, Client.MBOX_STATUS, 1)
    pair.set_reg(sender, Client.MBOX_SEND, receiver)
    assert pair.reg(receiver, Client.MBOX_IN) == 0xBEEF


@pytest.mark.parametrize("client", [0, 1])
def test_a_job_takes_its_time_and_interrupts(pair: Board, client: int) -> None:
    pair.set_reg(client, Client.INT_ENABLE, JOB)
    pair.set_reg(client, Client.SEM, 1)
    pair.set_reg(client, Client.JOB_DURATION, 50)
    pair.set_reg(client, Client.JOB_ARG, 0x1234)
    pair.set_reg(client, Client.JOB_CTRL, 1)
    pair.machine.step(49_999)
    assert pair.reg(client, Client.STATUS) & JOB_BUSY
    pair.machine.step(1)
    assert pair.reg(client, Client.STATUS) & JOB_BUSY == 0
    assert pair.device.message(client) == 0x5000 + client
    assert pair.reg(client, Client.JOB_RESULT) == 0xFFFFEDCB
    assert pair.reg(client, Client.JOB_COUNT) == 1


def test_an_aborted_job_ends_without_interrupt(pair: Board) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(0, Client.JOB_CTRL, 1)
    pair.set_reg(1, Client.JOB_CTRL, 2)  # not the starter: ignored
    assert pair.reg(0, Client.STATUS) & JOB_BUSY
    pair.set_reg(0, Client.JOB_CTRL, 2)
    pair.machine.step(1_000_000)
    assert pair.reg(0, Client.INT_STATUS) == 0
    assert kinds(pair, "job", "client", "event") == [(0, "start"), (0, "abort")]


def test_a_job_without_the_semaphore_is_refused_and_a_violation(pair: Board) -> None:
    pair.set_reg(1, Client.JOB_CTRL, 1)
    assert pair.reg(1, Client.ERROR) == JOB_REFUSED
    assert pair.reg(1, Client.INT_STATUS) == ERROR
    assert pair.machine.violations() == ["no-semaphore"]
    pair.set_reg(1, Client.ERROR, JOB_REFUSED)
    assert pair.reg(1, Client.ERROR) == 0


def test_a_whole_transaction_adds_up(pair: Board) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(0, Client.TXN_BEGIN, 0)
    assert pair.reg(0, Client.STATUS) & TXN_OPEN
    for word in (1, 2, 0xFFFFFFFF):
        pair.set_reg(0, Client.TXN_DATA, word)
    pair.set_reg(0, Client.TXN_COMMIT, 3)
    assert pair.reg(0, Client.TXN_RESULT) == 2
    assert kinds(pair, "txn", "client", "event") == [(0, "begin"), (0, "commit")]


@pytest.mark.parametrize("step", [Client.TXN_BEGIN, Client.TXN_DATA, Client.TXN_COMMIT])
def test_a_step_of_another_client_tears_the_transaction(pair: Board, step: int) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(0, Client.TXN_BEGIN, 0)
    pair.set_reg(1, step, 0)
    assert [pair.reg(page, Client.ERROR) for page in (0, 1)] == [TXN_TORN, TXN_TORN]
    assert pair.reg(0, Client.STATUS) & TXN_OPEN == 0
    records = pair.machine.new_records()
    assert [(r["rule"], r["client"]) for r in records if r["kind"] == "violation"] == [
        ("no-semaphore", 1),
        ("torn-transaction", 1),
    ]
    assert [(r["event"], r["client"]) for r in records if r["kind"] == "txn"] == [("begin", 0), ("torn", 0)]


def test_a_wrong_word_count_is_a_violation(pair: Board) -> None:
    pair.set_reg(0, Client.SEM, 1)
    pair.set_reg(0, Client.TXN_BEGIN, 0)
    pair.set_reg(0, Client.TXN_DATA, 5)
    pair.set_reg(0, Client.TXN_COMMIT, 2)
    assert pair.reg(0, Client.TXN_RESULT) == 0
    assert pair.machine.violations() == ["transaction-word-count"]


def raise_doorbell(board: Board, client: int) -> None:
    """Make a client's interrupt assert."""
    board.set_reg(0, Client.GATE, 3)
    board.set_reg(client, Client.INT_ENABLE, DOORBELL)
    board.set_reg(0, Client.DOORBELL, 1 << client)


@pytest.mark.parametrize(("granted", "client", "data"), [(0, 1, 0x4000), (1, 0, 0x4000), (1, 1, 0x4001)])
def test_msi_is_reduced_to_what_the_guest_grants(buddy: Board, granted: int, client: int, data: int) -> None:
    buddy.device.enable_msi(granted)
    raise_doorbell(buddy, client)
    assert buddy.device.message() == data


def test_msi_mask_holds_a_message_back_as_pending(buddy: Board) -> None:
    buddy.device.enable_msi()
    cap = buddy.device.capability(5)
    buddy.device.config_write(cap + 0x10, 1)
    raise_doorbell(buddy, 0)
    assert buddy.device.message() == 0
    assert buddy.device.config_read(cap + 0x14) == 1
    buddy.device.config_write(cap + 0x10, 0)
    assert buddy.device.message() == 0x4000
    assert buddy.device.config_read(cap + 0x14) == 0


def test_msix_mask_holds_a_message_back_as_pending(buddy: Board) -> None:
    buddy.device.enable_msix(2)
    entry = buddy.device.bars[4] + 16
    buddy.machine.write(entry + 12, 1)
    raise_doorbell(buddy, 1)
    assert buddy.device.message(1) == 0
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 2
    buddy.machine.write(entry + 12, 0)
    assert buddy.device.message(1) == 0x5001
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 0


@pytest.mark.parametrize("clients", range(2, 9))
def test_each_of_several_clients_has_its_page_gate_and_vector(make_buddy: Callable[[str], Board], clients: int) -> None:
    board = make_buddy(f"clients={clients}")
    board.device.enable_msix(clients)
    for client in range(1, clients):
        board.set_reg(0, Client.GATE, 1 << client)
        answering = [page for page in range(clients) if board.reg(page, Client.CLIENT) == page]
        assert answering == [0, client]
    board.set_reg(0, Client.GATE, (1 << clients) - 1)
    for client in range(clients):
        board.set_reg(client, Client.INT_ENABLE, DOORBELL)
        board.set_reg((client + 1) % clients, Client.DOORBELL, 1 << client)
        messages = [board.device.message(vector) for vector in range(clients)]
        assert messages == [0x5000 + vector if vector == client else 0 for vector in range(clients)]
        assert board.reg(client, Client.DOORBELL_FROM) == 1 << (client + 1) % clients
        assert board.reg(0, Client.INT_PENDING) == 1 << client
        board.set_reg(client, Client.INT_STATUS, DOORBELL)
    interrupts = board.machine.qom_get("buddy0", "counters")["interrupts"]
    assert interrupts == {str(client): 1 for client in range(clients)}


def test_msix_function_mask_holds_back_every_vector(buddy: Board) -> None:
    buddy.device.enable_msix(2)
    control = buddy.device.capability(CAP_MSIX) + 2
    buddy.device.config_write(control, 0xC000, 2)
    for client in (0, 1):
        raise_doorbell(buddy, client)
    assert (buddy.device.message(0), buddy.device.message(1)) == (0, 0)
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 3
    buddy.device.config_write(control, 0x8000, 2)
    assert (buddy.device.message(0), buddy.device.message(1)) == (0x5000, 0x5001)
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 0


def test_msix_pending_bit_goes_with_its_cause(buddy: Board) -> None:
    """PCI 3.0, 6.8.3.5: when software removes the cause meanwhile, no message may come of unmasking."""
    buddy.device.enable_msix(2)
    entry = buddy.device.bars[4] + 16
    buddy.machine.write(entry + 12, 1)
    raise_doorbell(buddy, 1)
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 2
    buddy.set_reg(1, Client.INT_STATUS, DOORBELL)
    assert buddy.machine.read(buddy.device.bars[4] + 0x800) == 0
    buddy.machine.write(entry + 12, 0)
    assert buddy.device.message(1) == 0


def test_msi_pending_bit_goes_with_its_last_cause(buddy: Board) -> None:
    """The same for MSI; here both clients share the one vector that is granted."""
    buddy.device.enable_msi()
    cap = buddy.device.capability(CAP_MSI)
    buddy.device.config_write(cap + 0x10, 1)
    raise_doorbell(buddy, 0)
    raise_doorbell(buddy, 1)
    buddy.set_reg(0, Client.INT_STATUS, DOORBELL)
    assert buddy.device.config_read(cap + 0x14) == 1
    buddy.set_reg(1, Client.INT_STATUS, DOORBELL)
    assert buddy.device.config_read(cap + 0x14) == 0
    buddy.device.config_write(cap + 0x10, 0)
    assert buddy.device.message() == 0


def test_intx_level_follows_the_causes_of_all_clients(buddy: Board) -> None:
    raise_doorbell(buddy, 0)
    raise_doorbell(buddy, 1)
    assert buddy.device.config_read(6, 2) & 8
    buddy.set_reg(0, Client.INT_STATUS, DOORBELL)
    assert buddy.device.config_read(6, 2) & 8
    buddy.set_reg(1, Client.INT_STATUS, DOORBELL)
    assert buddy.device.config_read(6, 2) & 8 == 0
    assert kinds(buddy, "interrupt", "client", "mode", "level") == [
        (0, "intx", 1),
        (1, "intx", 1),
        (0, "intx", 0),
        (1, "intx", 0),
    ]


def test_intx_reaches_the_interrupt_controller_unless_disabled(buddy: Board) -> None:
    buddy.machine.qtest("irq_intercept_in ioapic")
    raise_doorbell(buddy, 0)
    assert buddy.machine.irq_levels and any(buddy.machine.irq_levels.values())
    buddy.device.command(COMMAND_MEMORY | COMMAND_MASTER | COMMAND_INTX_OFF)
    assert not any(buddy.machine.irq_levels.values())


def test_switching_messages_on_delivers_what_waits(buddy: Board) -> None:
    raise_doorbell(buddy, 0)
    buddy.device.enable_msi()
    assert buddy.device.message() == 0x4000
    assert buddy.device.config_read(6, 2) & 8 == 0


def test_a_message_without_bus_mastering_is_lost_and_a_violation(buddy: Board) -> None:
    buddy.device.enable_msi()
    buddy.device.command(COMMAND_MEMORY)
    raise_doorbell(buddy, 0)
    assert buddy.device.message() == 0
    assert buddy.machine.violations() == ["interrupt-without-bus-master"]


def test_an_interrupt_that_nobody_acknowledges_is_a_violation_once(make_buddy: Callable[[str], Board]) -> None:
    board = make_buddy("ack-timeout=10")
    raise_doorbell(board, 0)
    board.machine.step(9_000_000)
    assert board.machine.violations() == []
    board.machine.step(2_000_000)
    board.machine.step(50_000_000)
    assert board.machine.violations() == ["interrupt-unacknowledged"]
    board.set_reg(0, Client.INT_STATUS, DOORBELL)
    board.set_reg(0, Client.DOORBELL, 1)
    board.machine.step(5_000_000)
    board.set_reg(0, Client.INT_STATUS, DOORBELL)
    board.machine.step(50_000_000)
    assert board.machine.violations() == []

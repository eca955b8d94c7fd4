# SPDX-License-Identifier: MIT
"""What must hold in every scenario, read from the journal record by record. docs/journal.md has the vocabulary.

The hardware checks what a single access shows (its violations); here is what takes the drivers' trace lines too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.base.verdict import Finding, Verdict
from orchestrator.journal.record import Record, TraceLine

NO_CLIENT = -1
BORROWER_CLIENT = 1
# By which trace lines it shows that a client has been told of a surprise removal.
_TOLD_OF_REMOVAL = {
    NO_CLIENT: {("fredbus", "surprise-removal")},
    0: {("owner", "surprise-removal")},
    BORROWER_CLIENT: {("borrower", "power-down")},
}


class Invariant(Protocol):
    """Looks at every record of the rare kinds, in order; yields what is wrong."""

    def see(self, record: Record) -> Iterator[Finding]:
        """The findings that this record brings."""


def _driver_failure(name: str, reason: str, record: Record, **facts: Any) -> Finding:
    return Finding(Verdict.DRIVER_FAILURE, name, reason, record.seq, facts)


def _machine_reset(record: Record) -> bool:
    """The machine was reset (or woke): the drivers that the lines before were about are gone, or have been told."""
    return record.kind == "machine" and record["event"] == "reset"


def _pulled_out(record: Record) -> bool:
    """The device was lost without warning: it was pulled out, or its link went down."""
    if record.kind == "fault":
        return (record["name"], record["event"]) == ("link-down", "fire")
    return record.kind == "slot" and bool(record["event"] == "yank")


class NoViolations:
    """The hardware recorded no violation.

    Between a surprise removal and the moment in which a driver is told of it, the driver cannot know better: its accesses
    to the device that is gone are excused until then, and not an instant longer.
    """

    def __init__(self, allowed: frozenset[str]) -> None:
        self._allowed = allowed
        # Device -> clients that have not yet been told that it was pulled out.
        self._unaware: dict[str, set[int]] = {}

    def see(self, record: Record) -> Iterator[Finding]:
        if _pulled_out(record):
            self._unaware[record.dev] = set(_TOLD_OF_REMOVAL)
        elif record.kind == "slot" and record["event"] == "plug":
            self._unaware.pop(record.dev, None)
        elif _machine_reset(record):
            self._unaware.clear()
        elif line := record.trace:
            for client, events in _TOLD_OF_REMOVAL.items():
                if (line.driver, line.event) in events:
                    for unaware in self._unaware.values():
                        unaware.discard(client)
        elif record.kind == "violation" and record["rule"] not in self._allowed and not self._excused(record):
            yield self._finding(record)

    def _excused(self, record: Record) -> bool:
        unaware = self._unaware.get(record.dev, set())
        return record["rule"] == "access-after-removal" and record.get("client", NO_CLIENT) in unaware

    def _finding(self, record: Record) -> Finding:
        rule, client = str(record["rule"]), record.get("client", NO_CLIENT)
        who = {NO_CLIENT: "a driver", 0: "the owner", BORROWER_CLIENT: "the borrower"}.get(client, f"client {client}")
        reason = f"{record.dev}: violation {rule} by {who}"
        reason += f" at {record.get('reg')} in {record.get('power')}" if record.get("reg") else ""
        return _driver_failure("violation", reason, record, rule=rule, client=client)


class NothingDropped:
    """The device dropped no record."""

    def see(self, record: Record) -> Iterator[Finding]:
        if record.kind == "dropped":
            reason = f"the device dropped {record['count']} journal records; is the disk full or too slow?"
            yield Finding(Verdict.HARNESS_ERROR, "journal-dropped", reason, record.seq)


class _OneBuddy:
    """Trace lines and hardware records can be matched only while there is one buddy. Keeps its id."""

    def __init__(self) -> None:
        self._devices: set[str] = set()

    def note(self, record: Record) -> None:
        if record.kind in ("gate", "power") and record.dev not in ("trace", "journal"):
            self._devices.add(record.dev)

    @property
    def alone(self) -> bool:
        return len(self._devices) <= 1


class CallbacksAroundPower(_OneBuddy):
    """The owner tells its clients before the device leaves D0, and gives power only while it is in D0."""

    def __init__(self) -> None:
        super().__init__()
        self._power = "D0"
        # Client -> what it was last told: up, or going down (callback not back yet), or down.
        self._told: dict[str, str] = {}

    def see(self, record: Record) -> Iterator[Finding]:
        self.note(record)
        if record.kind == "power" and self.alone:
            yield from self._power_changed(record)
        elif record.kind == "slot" and record["event"] in ("yank", "unplug"):
            # What is not there has no power state; the next one starts in D0.
            self._power = "D0"
            self._told.clear()
        elif _machine_reset(record):
            self._told.clear()
        elif line := record.trace:
            yield from self._traced(line, record)

    def _power_changed(self, record: Record) -> Iterator[Finding]:
        self._power = str(record["to"])
        if record["from"] == "D0" and record["cause"] == "pmcsr":
            for client, told in self._told.items():
                if told != "down":
                    how = "its power-down callback had not returned" if told == "going down" else "nobody told it"
                    reason = f"{record.dev} left D0 for {self._power} while client {client} had power: {how}"
                    yield _driver_failure("callbacks-around-power", reason, record, client=client)

    def _traced(self, line: TraceLine, record: Record) -> Iterator[Finding]:
        client = line.values.get("client", "?")
        if line.driver != "owner":
            return
        match line.event, line.values.get("dir"):
            case "callback-begin", "down":
                self._told[client] = "going down"
            case "callback-end", "down":
                self._told[client] = "down"
            case (("callback-begin" | "callback-end"), "up"):
                self._told[client] = "up"
                if self._power != "D0" and self.alone:
                    reason = f"the owner gave power to client {client} while the device was in {self._power}"
                    yield _driver_failure("callbacks-around-power", reason, record, client=client)
            case "return", _:
                self._told.pop(client, None)
            case _:
                pass


class ToldOfStop:
    """The owner tells its clients before a PnP stop takes the resources away: none has power when it is started again."""

    def __init__(self) -> None:
        # Numbers of the owner's devices that are stopped, and (device, client) of those that were told of power last.
        self._stopped: set[str] = set()
        self._up: set[tuple[str, str]] = set()

    def see(self, record: Record) -> Iterator[Finding]:
        line = record.trace
        if _machine_reset(record):
            self._stopped.clear()
            self._up.clear()
        if line is None or line.driver != "owner":
            return
        device, client = line.values.get("device", "?"), line.values.get("client", "?")
        match line.event, line.values.get("dir"):
            case "callback-begin", "up":
                self._up.add((device, client))
            case ("callback-end", "down") | ("return", _):
                self._up.discard((device, client))
            case "stop", _:
                self._stopped.add(device)
            case "start", _ if device in self._stopped:
                self._stopped.discard(device)
                for _, each in sorted(entry for entry in self._up if entry[0] == device):
                    reason = f"the owner was stopped and started again, and nobody told client {each}, which had power"
                    yield _driver_failure("callbacks-around-power", reason, record, client=each)
            case _:
                pass


@dataclass(frozen=True)
class ForbiddenAccess:
    """Accesses that nobody may make at this point of the journal, as a pattern over raw lines."""

    pattern: re.Pattern[bytes]


class BorrowerOnlyWithPower(_OneBuddy):
    """The borrower touches its page only between its power-up and its power-down."""

    FORBIDDEN = ForbiddenAccess(re.compile(b'"kind":"(?:read|write)","client":%d,' % BORROWER_CLIENT))

    def __init__(self) -> None:
        super().__init__()
        self._powered = False

    @property
    def forbidden(self) -> ForbiddenAccess | None:
        return None if self._powered or not self.alone else self.FORBIDDEN

    def see(self, record: Record) -> Iterator[Finding]:
        self.note(record)
        line = record.trace
        if _machine_reset(record):
            self._powered = False
        elif line and line.driver == "borrower":
            if line.event == "power-up":
                self._powered = True
            elif line.event == "power-down":
                self._powered = False
        yield from ()


class Invariants:
    """All invariants of one scenario."""

    def __init__(self, allowed_rules: frozenset[str] = frozenset()) -> None:
        """`allowed_rules` names violations that the scenario provokes on purpose."""
        self._borrower = BorrowerOnlyWithPower()
        self._all: list[Invariant] = [
            NoViolations(allowed_rules),
            NothingDropped(),
            CallbacksAroundPower(),
            ToldOfStop(),
            self._borrower,
        ]
        self._access_reported = False

    def see(self, record: Record) -> Iterator[Finding]:
        """What is wrong with this record, after all before it."""
        for invariant in self._all:
            yield from invariant.see(record)

    @property
    def forbidden(self) -> ForbiddenAccess | None:
        """The accesses that are forbidden from here to the next record that `see` gets; None when all are allowed."""
        return self._borrower.forbidden

    def forbidden_access(self, record: Record) -> Finding | None:
        """The finding for the first forbidden access; None for those that follow."""
        if self._access_reported:
            return None
        self._access_reported = True
        reason = (
            f"the borrower touched {record['reg']} of {record.dev} in {record['power']} "
            "outside the time between its power-up and its power-down"
        )
        return _driver_failure("borrower-only-with-power", reason, record, client=BORROWER_CLIENT)

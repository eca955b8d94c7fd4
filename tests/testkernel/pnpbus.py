# SPDX-License-Identifier: MIT
"""The test bus (selftest/pnpbus.c) in a running machine: children come, go and misbehave, and say what they were asked."""

from __future__ import annotations

import re
import struct
from typing import Any

from .machine import Machine

BUS = "ROOT\\PNPBUS\\0000"
CHILD = "SELFTEST\\CHILD\\0"
SECOND = "SELFTEST\\CHILD\\1"
THE_BUS = 100  # in place of a child's number
PLUG, PULL, RULE, EJECT, STATE, RELATE, APPEAR, REPORT = (str(0x80002000 | n << 2) for n in range(8))
VETO_REMOVE, VETO_STOP, FAIL_START, FAILED, FAIL_ADD, GONE_START, GONE_STOP, DOCK = (1 << n for n in range(8))
FILTER, CONFLICT, CHANGED, NOT_DISABLEABLE, HIDDEN, REMOVED, DISABLED, VETO_PROFILE = (1 << n for n in range(8, 16))
CHANGED_STOP, GONE_ADD, GONE_REMOVE, GONE_QUERY, NO_RELATIONS, NULL_RELATIONS, TWICE, ASKS_IN_START, ASKS_IN_DPC = (
    1 << n for n in range(16, 25)
)
ON_EJECT = 0x100  # RELATE: goes with the other one when that is ejected
VETOED, REFUSED = 4, 1


class Bus:
    """`seen` gives the events since it was asked last."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._seen = 0

    def seen(self) -> list[str]:
        self.settle()
        events = re.findall(r"SEQ (.*)", self.machine.log)
        new, self._seen = events[self._seen :], len(events)
        return [event.strip() for event in new]

    def settle(self) -> None:
        """Until everything that is queued in the PnP manager has happened."""
        assert self.machine.control("rescan")[0] == 0

    def tell(self, code: str, child: int = 0, value: int = 0, exit_code: int = 0) -> None:
        answer = self.machine.control("ioctl", BUS, code, struct.pack("<II", child, value).hex())
        assert answer[0] == exit_code, answer
        self.settle()

    def do(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        got, answer = self.machine.control(*arguments)
        assert got == code, answer
        return answer

    def problem(self, instance: str = CHILD) -> str | None:
        name = self.machine.devices()[instance]["problem_name"]
        assert name is None or isinstance(name, str)
        return name

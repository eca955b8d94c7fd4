# SPDX-License-Identifier: MIT
"""The named states of a machine and the transitions that are legal between them."""

from __future__ import annotations

from enum import StrEnum

from orchestrator.base.errors import HarnessError


class MachineState(StrEnum):
    """What QEMU is doing with the machine."""

    OFF = "off"
    STARTING = "starting"
    RUNNING = "running"
    ASLEEP = "asleep"
    PANICKED = "panicked"
    STOPPED = "stopped"


_LEGAL: dict[MachineState, frozenset[MachineState]] = {
    MachineState.OFF: frozenset({MachineState.STARTING}),
    MachineState.STARTING: frozenset({MachineState.RUNNING, MachineState.STOPPED}),
    MachineState.RUNNING: frozenset({MachineState.ASLEEP, MachineState.PANICKED, MachineState.STOPPED}),
    MachineState.ASLEEP: frozenset({MachineState.RUNNING, MachineState.PANICKED, MachineState.STOPPED}),
    MachineState.PANICKED: frozenset({MachineState.STOPPED}),
    MachineState.STOPPED: frozenset(),
}


class LifeCycle:
    """The current state; refuses transitions that the table does not know."""

    def __init__(self) -> None:
        self.state = MachineState.OFF

    def to(self, state: MachineState) -> None:
        """Go to `state`; raises HarnessError when that is not legal from here."""
        if state not in _LEGAL[self.state]:
            raise HarnessError(f"machine: {self.state} cannot become {state}")
        self.state = state

    def require(self, *states: MachineState) -> None:
        """Raise HarnessError unless the machine is in one of `states`."""
        if self.state not in states:
            raise HarnessError(f"machine: must be {' or '.join(states)} for this, but is {self.state}")

# SPDX-License-Identifier: MIT
"""guest-exec and guest-exec-status of the kernel's agent."""

from __future__ import annotations

from collections.abc import Callable

from .machine import Machine


def test_a_command_that_ends_soon_has_ended_at_the_first_question(machine: Callable[..., Machine]) -> None:
    """Not necessarily every time on a loaded host, whose clock goes on while the guest stands still."""
    running = machine()
    first = []
    for _ in range(30):
        pid = running.agent("guest-exec", path="buddyctl.exe", arg=["devices"])["pid"]
        first.append(running.agent("guest-exec-status", pid=pid)["exited"])
        while not first[-1] and not running.agent("guest-exec-status", pid=pid)["exited"]:
            pass
    assert first.count(True) >= 20

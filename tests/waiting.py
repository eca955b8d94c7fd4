# SPDX-License-Identifier: MIT
"""Waiting for a state that announces itself by no event: a file that QEMU writes, a process that starts or goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIME_LIMIT = 60.0  # seconds of any single wait, for a machine that does much else


def wait_until(condition: Callable[[], T], what: str | Callable[[], str], limit: float = TIME_LIMIT, pause: float = 0.01) -> T:
    """Waits until `condition` is true, and returns what it then is; fails after `limit` seconds, naming `what`.

    `pause` is the time between two looks, in seconds. A condition fails the test at once by an assertion of its own.
    """
    deadline = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {limit:g} s for {what if isinstance(what, str) else what()}"
        time.sleep(pause)
    return found

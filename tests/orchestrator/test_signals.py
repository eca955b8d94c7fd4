# SPDX-License-Identifier: MIT
"""Which signals end a command, and which it leaves alone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from orchestrator.cli.signals import run_async

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(params=ENDS, ids=lambda number: number.name)
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal whose handler is put back afterwards."""
    before = signal.getsignal(request.param)
    yield request.param
    signal.signal(request.param, before)


async def signalled(number: signal.Signals) -> str:
    """Gets the signal, and says so if that does not end it."""
    os.kill(os.getpid(), number)
    # The loop learns of it through a pipe to itself: what comes through a later one has passed it.
    loop, passed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, passed.set)
    os.kill(os.getpid(), signal.SIGUSR1)
    await passed.wait()
    await asyncio.sleep(0)
    return "still here"


def test_it_ends_a_command(number: signal.Signals) -> None:
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    with pytest.raises(KeyboardInterrupt):
        run_async(signalled(number))


def test_it_stays_ignored_where_it_was_ignored_at_the_start(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)
    try:
        assert run_async(signalled(number)) == "still here"
    except KeyboardInterrupt:
        pytest.fail("it was not ignored")

# SPDX-License-Identifier: MIT
"""The I/O and object managers from a driver's point of view: what they promise, and what they stop."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import Boot


@pytest.mark.parametrize("driver", ["io", "notify", "completion", "access"])
@pytest.mark.parametrize("append", ["", "seed=1", "seed=2"])
def test_what_a_driver_is_promised(boot: Callable[..., Boot], driver: str, append: str) -> None:
    done = boot(driver, until=f"SELFTEST {driver} ", append=append)
    assert re.search(rf"SELFTEST {driver} PASSED: \d+ checks, 0 failed", done.log), done.log

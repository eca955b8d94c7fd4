# SPDX-License-Identifier: MIT
"""The I/O and object managers from a driver's point of view: what they promise, and what they stop."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from .conftest import KERNEL_SOURCE, Boot

RULES = [
    line.split(maxsplit=2)
    for line in (KERNEL_SOURCE / "selftest" / "io_violations.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize("driver", ["io", "notify"])
@pytest.mark.parametrize("append", ["", "seed=1", "seed=2"])
def test_what_a_driver_is_promised(boot: Callable[..., Boot], driver: str, append: str) -> None:
    done = boot(driver, until=f"SELFTEST {driver} ", append=append)
    assert re.search(rf"SELFTEST {driver} PASSED: \d+ checks, 0 failed", done.log), done.log


@pytest.mark.parametrize(("rule", "code", "reason"), RULES, ids=[rule[0] for rule in RULES])
def test_a_broken_rule_stops_with_windows_code(boot: Callable[..., Boot], rule: str, code: str, reason: str) -> None:
    done = boot(f"break_{rule}", until="VIOLATION SURVIVED")
    assert done.bugcheck, f"the kernel did not stop: {done.log}"
    assert f"{done.bugcheck['code']:X}" == code
    assert reason == "-" or reason in done.bugcheck["reason"]
    assert done.bugcheck["driver"] == f"break_{rule}.sys"
    # A rule that is only checked at unload is blamed on DriverEntry: it has no DriverUnload.
    assert done.bugcheck["function"].startswith((f"Break_{rule}", "DriverEntry"))

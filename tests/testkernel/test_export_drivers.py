# SPDX-License-Identifier: MIT
"""One self-test driver a concept, all in one boot: what the kernel exports does what Microsoft documents."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import KERNEL_SOURCE, Boot, Built, boot_drivers
from .machine import Machine

ELSEWHERE = {
    "dispatcher",
    "executive",
    "information",
    "io",
    "irqlcalls",
    "memory",
    "notify",
    "property",
}  # started by test modules of their own
DRIVERS = sorted(
    source.stem
    for source in (KERNEL_SOURCE / "selftest").glob("*.c")
    if f'Summary("{source.stem}")' in source.read_text() and source.stem not in ELSEWHERE
)
VIRTUAL_TIME = ["-icount", "shift=0,sleep=off"]  # waits cost nothing, and a busy host cannot make a short one long


@pytest.fixture(scope="module", params=["", "seed=1", "seed=2"], ids=["unperturbed", "seed 1", "seed 2"])
def together(request: pytest.FixtureRequest, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """A boot with all the drivers; the tests look for what each of them says."""
    directory: Path = tmp_path_factory.mktemp("boot")
    return boot_drivers(built, directory, DRIVERS, [f"SELFTEST {name} " for name in DRIVERS], request.param, qemu=VIRTUAL_TIME)


@pytest.mark.parametrize("driver", DRIVERS)
def test_exports_do_what_is_documented(together: Boot, driver: str) -> None:
    failures = "\n".join(line for line in together.log.splitlines() if f"{driver}.sys: SELFTEST" in line)
    assert re.search(rf"SELFTEST {driver} PASSED: \d+ checks, 0 failed", together.log), failures or together.log


def test_what_a_driver_prints_is_on_the_console(together: Boot) -> None:
    for line in ("tracing: DbgPrintEx 1", "tracing: vDbgPrintEx 2", "tracing: at DISPATCH_LEVEL"):
        assert f"tracing.sys: {line}" in together.log


def test_a_bugcheck_callback_runs_with_its_buffer(boot: Callable[..., Boot]) -> None:
    done = boot("break_bugcheck_with_callback", until="VIOLATION SURVIVED")
    assert done.bugcheck["code"] == 0xB0DD and done.bugcheck["parameters"] == [1, 2, 3, 4]
    assert "bugcheck callback at IRQL 15 with 6 bytes 'Buddy'" in done.log
    assert "bugcheck reason 2 with room for data" in done.log
    assert "In the dump for selftest: 2 pages at physical 0x100000" in done.log
    assert "In the dump for selftest: 3 pages at physical 0x200000" in done.log


def test_shutdown_is_notified_before_the_power_goes(machine: Callable[..., Machine]) -> None:
    running = machine("lifetime.sys", "lifetime.inf", append="root=ROOT\\LIFETIME")
    running.agent("guest-shutdown", answer=False, mode="powerdown")
    assert running.wait_exit() == 0
    assert re.findall(r"lifetime: shutdown of the (\w+) device", running.log) == ["normal", "last"]


def test_extended_state_is_the_threads_own(boot: Callable[..., Boot]) -> None:
    """QEMU's default processor has no AVX: this one has."""
    done = boot("processor", until="SELFTEST processor ", qemu=["-cpu", "max", *VIRTUAL_TIME])
    assert "processor: with AVX" in done.log
    assert re.search(r"SELFTEST processor PASSED: \d+ checks, 0 failed", done.log), done.log

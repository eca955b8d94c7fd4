# SPDX-License-Identifier: MIT
"""Drivers that test the kernel from the inside, and drivers that each break one rule."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Boot, Built, boot_drivers


@pytest.mark.parametrize("driver", ["memory", "dispatcher", "executive", "information"])
@pytest.mark.parametrize("append", ["", "seed=1", "seed=2"])
def test_what_a_driver_is_promised(boot: Callable[..., Boot], driver: str, append: str) -> None:
    done = boot(driver, until=f"SELFTEST {driver} ", append=append)
    assert re.search(rf"SELFTEST {driver} PASSED: \d+ checks, 0 failed", done.log), done.log


def test_an_event_log_entry_is_on_the_console(boot: Callable[..., Boot]) -> None:
    log = boot("information", until="SELFTEST information ").log
    assert re.search(r"event log: \\Driver\\information reports 0xc0040004 .*\n.*data 0: 0x00b0dd1e", log), log


def test_the_same_seed_repeats_a_run_exactly(boot: Callable[..., Boot]) -> None:
    virtual_time = ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01"]
    logs = [boot("dispatcher", until="SELFTEST dispatcher ", append="seed=7 log=debug", qemu=virtual_time).log for _ in range(2)]
    assert logs[0].partition("SELFTEST")[0] == logs[1].partition("SELFTEST")[0]


def test_a_missing_import_names_function_and_driver(boot: Callable[..., Boot], built: Built, tmp_path: Path) -> None:
    image = tmp_path / "lacking.sys"
    shutil.copy(built.drivers / "dispatcher.sys", image)
    image.write_bytes(image.read_bytes().replace(b"KeCancelTimer\0", b"KeCancelTimex\0"))
    done = boot("lacking", until="KeCancelTimex", image=image)
    assert "lacking.sys imports 1 function that the test kernel does not have: KeCancelTimex" in done.log
    assert not done.bugcheck


NOT_FOR_X64 = b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0\x4c\x01" + bytes(4000)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"this is no image" * 300, "no MZ header"), (NOT_FOR_X64, "no 64-bit x64 image")],
    ids=["text", "32-bit"],
)
def test_a_file_that_is_no_driver_is_refused_in_words(
    boot: Callable[..., Boot], tmp_path: Path, content: bytes, complaint: str
) -> None:
    image = tmp_path / "nodriver.sys"
    image.write_bytes(content)
    done = boot("nodriver", until="nodriver.sys is", image=image)
    assert complaint in done.log
    assert not done.bugcheck


def test_a_driver_may_have_a_long_name(built: Built, tmp_path: Path) -> None:
    service = "vendor_virtual_bus_enumerator_with_a_long_name_for_the_x64_edition"
    copy = tmp_path / f"{service}.sys"
    copy.write_bytes((built.drivers / "lists.sys").read_bytes())
    done = boot_drivers(built, tmp_path, [service], ["SELFTEST lists "], image=copy)
    assert f"{service}.sys: SELFTEST lists PASSED" in done.log

# SPDX-License-Identifier: MIT
"""A driver that is replaced by its next version while its devices run: `buddyctl update`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Built
from .machine import Machine

ONE, TWO = "ROOT\\VERSIONED\\0000", "ROOT\\VERSIONED\\0001"
RULE = "0x80002000"
VETO, REFERENCE = "01000000", "02000000"
INF = (Path(__file__).parent / "drivers" / "versioned.inf").read_text()
NEXT = (
    INF.replace("1.0.0.0", "1.0.1.0")
    .replace("Version 1", "Version 2")
    .replace(",1\n", ",2\n")
    .replace("HKR,,Old,0x00010001,2\n", "")
    .replace("AddReg = Hardware\n", "AddReg = Hardware\nDelReg = Gone\n\n[Gone]\nHKR,,Old\n")
)


class Updated:
    """Two devices of version 1, with packages `next` (version 2), `same` and `old` that are not installed."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._seen = 0

    def seen(self) -> list[str]:
        events = [event.strip() for event in re.findall(r"SEQ (.*)", self.machine.log)]
        new, self._seen = events[self._seen :], len(events)
        return new

    def do(self, *arguments: str, code: int = 0) -> dict[str, object]:
        got, answer = self.machine.control(*arguments)
        assert got == code, answer
        return answer

    def state(self, instance: str = ONE) -> tuple[str, bool, str | None]:
        device = self.machine.devices()[instance]
        return device["description"], device["started"], device["problem_name"]


@pytest.fixture
def updated(machine: Callable[..., Machine], built: Built, tmp_path: Path) -> Updated:
    modules: list[str] = []
    for version, (package, inf) in enumerate(
        {"": INF, "next": NEXT, "same": INF, "old": INF.replace("11/20/2026,1.0.0.0", "11/19/2026,9.0.0.0")}.items(), 1
    ):
        folder = tmp_path / (package or "installed")
        folder.mkdir()
        shutil.copy(built.drivers / f"version{min(version, 2)}.sys", folder / "versioned.sys")
        (folder / "versioned.inf").write_text(inf)
        modules += [f"{file}{f' package={package}' if package else ''}" for file in sorted(folder.iterdir())]
    running = Updated(machine(*modules, append="root=ROOT\\VERSIONED,ROOT\\VERSIONED"))
    assert running.seen() == ["v1 entry", "v1 add", "v1 start", "v1 add", "v1 start"]
    return running


REMOVED = ["v1 query-remove", "v1 query-remove", "v1 remove", "v1 remove"]
STARTED = ["v2 entry", "v2 add", "v2 start", "v2 add", "v2 start"]


def test_all_devices_go_and_come_back_with_the_new_driver(updated: Updated) -> None:
    assert updated.state() == ("Version 1", True, None)
    assert updated.do("update", "next\\versioned.inf") == {"restart": False}
    assert updated.seen() == [*REMOVED, "v1 unload", *STARTED]
    for instance in (ONE, TWO):
        assert updated.state(instance) == ("Version 2", True, None)
    # Kept has FLG_ADDREG_NOCLOBBER, Created FLG_ADDREG_OVERWRITEONLY (it was never there), Old is deleted.
    assert updated.do("settings", ONE)["settings"] == {"Number": 2, "Kept": 1}
    # Started again, and updated again, it stays.
    updated.do("restart", ONE)
    assert updated.seen() == ["v2 query-remove", "v2 remove", "v2 add", "v2 start"]
    updated.do("update", "next\\versioned.inf", code=1)
    assert updated.seen() == []


def test_a_driver_that_is_not_newer_is_taken_only_by_force(updated: Updated) -> None:
    for package in ("same", "old"):  # the date decides before the version
        answer = updated.do("update", f"{package}\\versioned.inf", code=1)
        assert answer["error"]["name"] == "STATUS_NO_MORE_ENTRIES"  # type: ignore[index]
    assert updated.seen() == []
    updated.do("update", "old\\versioned.inf", "force")
    assert updated.seen() == [*REMOVED, "v1 unload", *STARTED]
    # The next update is a better one again.
    updated.do("update", "next\\versioned.inf")
    assert updated.state() == ("Version 2", True, None)


def test_forty_devices_are_all_updated(updated: Updated) -> None:
    for _ in range(38):
        updated.do("add", "ROOT\\VERSIONED")
    updated.machine.control("rescan")
    assert updated.seen() == ["v1 add", "v1 start"] * 38
    assert updated.do("update", "next\\versioned.inf") == {"restart": False}
    events = updated.seen()
    assert events[:81] == ["v1 query-remove"] * 40 + ["v1 remove"] * 40 + ["v1 unload"]
    assert events[81:] == ["v2 entry"] + ["v2 add", "v2 start"] * 40


def test_a_veto_keeps_the_old_driver_until_the_device_is_restarted(updated: Updated) -> None:
    handle = updated.do("hold", TWO)["handle"]
    assert updated.do("update", "next\\versioned.inf") == {"restart": True}
    assert updated.seen() == ["v1 query-remove", "v1 query-remove", "v1 cancel-remove", "v1 cancel-remove"]
    for instance in (ONE, TWO):
        assert updated.state(instance)[1:] == (True, "CM_PROB_NEED_RESTART")
    updated.do("release", str(handle))
    updated.do("disable", ONE)
    updated.do("disable", TWO)
    updated.do("enable", ONE)
    updated.do("enable", TWO)
    assert updated.seen() == [*["v1 query-remove", "v1 remove"] * 2, "v1 unload", *STARTED]
    assert updated.state() == ("Version 2", True, None)


def test_a_driver_that_refuses_is_not_removed(updated: Updated) -> None:
    updated.do("ioctl", ONE, RULE, VETO)
    assert updated.do("update", "next\\versioned.inf") == {"restart": True}
    assert updated.seen() == ["v1 query-remove", "v1 cancel-remove"]


def test_the_new_image_waits_for_the_last_reference_to_the_old_one(updated: Updated) -> None:
    updated.do("ioctl", ONE, RULE, REFERENCE)
    assert updated.do("update", "next\\versioned.inf") == {"restart": False}
    assert updated.seen() == [*REMOVED, "v1 dereference", "v1 dereference", "v1 unload", *STARTED]


def test_disabled_devices_are_updated_and_stay_disabled(updated: Updated) -> None:
    updated.do("disable", TWO)
    updated.do("update", "next\\versioned.inf")
    assert updated.state(ONE) == ("Version 2", True, None)
    assert updated.state(TWO)[1:] == (False, "CM_PROB_DISABLED")
    updated.do("enable", TWO)
    assert updated.state(TWO) == ("Version 2", True, None)


def test_uninstalled_a_device_gets_the_best_driver_of_the_store(updated: Updated) -> None:
    assert updated.do("settings", ONE)["settings"] == {"Number": 1, "Kept": 1, "Old": 1}
    updated.do("settings", ONE, "Number", "7")
    updated.do("update", "old\\versioned.inf", "force")
    updated.do("remove", ONE)
    assert updated.do("add", "ROOT\\VERSIONED") == {"instance": ONE}
    assert updated.do("settings", ONE)["settings"] == {"Number": 1, "Kept": 1, "Old": 1}


def test_what_cannot_be_updated(updated: Updated) -> None:
    for arguments in (["update", "nowhere\\versioned.inf"], ["update", "next\\versioned.sys"]):
        updated.do(*arguments, code=1)
    updated.do("update", "next\\versioned.inf", "soon", code=2)
    updated.do("update", code=2)

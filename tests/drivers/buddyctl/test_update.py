# SPDX-License-Identifier: MIT
"""update and undock: what they ask of Windows (faked, fake_cm.c), and how they report what comes back."""

from __future__ import annotations

import pytest

from tests.drivers.buddyctl.harness import Fake

FORCE_INF = 2  # newdev.h
CR_NO_SUCH_DEVNODE, CR_REMOVE_VETOED = 0x0D, 0x17
ERROR_NO_MORE_ITEMS = 259


@pytest.mark.parametrize(("more", "flags"), [([], 0), (["force"], FORCE_INF)])
def test_a_package_is_installed_by_its_full_path(fake: Fake, more: list[str], flags: int) -> None:
    assert fake("update", "C:\\packages\\next\\..\\next\\owner.inf", *more).json == {"restart": False}
    assert fake.calls == [f"DiInstallDriverW C:\\packages\\next\\owner.inf {flags:#x}"]


def test_a_restart_may_be_needed(fake: Fake) -> None:
    assert fake("update", "C:\\owner.inf", FAKE_CM_PROBLEM="1").json == {"restart": True}


def test_no_device_takes_the_driver(fake: Fake) -> None:
    answer = fake("update", "C:\\owner.inf", FAKE_CM_RESULT=str(ERROR_NO_MORE_ITEMS))
    assert (answer.code, answer.json["error"]["name"]) == (1, "STATUS_NO_MORE_ENTRIES")


def test_undock(fake: Fake) -> None:
    assert fake("undock").json == {}
    assert fake.calls == ["CM_Request_Eject_PC 0x0"]


def test_undock_vetoed(fake: Fake) -> None:
    answer = fake("undock", FAKE_CM_RESULT=str(CR_REMOVE_VETOED))
    assert answer.code == 4
    assert answer.json["veto"] == {"by": "", "reason": "unknown"}


def test_no_docking_station(fake: Fake) -> None:
    answer = fake("undock", FAKE_CM_RESULT=str(CR_NO_SUCH_DEVNODE))
    assert (answer.code, answer.json["error"]["name"]) == (3, "STATUS_NO_SUCH_DEVICE")

# SPDX-License-Identifier: MIT
"""add: the device is made by Wine's SetupAPI; the choice of its driver (DiInstallDevice) is faked."""

from __future__ import annotations

from tests.drivers.buddyctl.harness import Fake

ERROR_NO_MORE_ITEMS = 259


def test_devices_are_made_one_after_the_other_and_installed_by_their_hardware_id(fake: Fake) -> None:
    first = fake("add", "ROOT\\FredBus").json["instance"]
    assert first.upper() == "ROOT\\FREDBUS\\0000"
    assert fake.calls == ["DiInstallDevice ROOT\\FredBus 0x0"]
    assert fake("add", "ROOT\\FredBus").json["instance"].upper() == "ROOT\\FREDBUS\\0001"


def test_no_driver_for_it(fake: Fake) -> None:
    answer = fake("add", "ROOT\\Nobody", FAKE_CM_RESULT=str(ERROR_NO_MORE_ITEMS))
    assert (answer.code, answer.json["error"]["name"]) == (1, "STATUS_NO_MORE_ENTRIES")

# SPDX-License-Identifier: MIT
"""What buddyctl says of devices, and to their drivers: the whole way to a driver and back, through Wine's I/O manager."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from tests.drivers.buddyctl.harness import DEVICE, INSTANCE, Answer, Ask
from tests.waiting import wait_until

# double.c: device type 0xB0DD, functions 0xF00...
REVERSE, FAIL, OPENS, UNKNOWN = (hex(0xB0DD << 16 | function << 2) for function in (0xF00, 0xF01, 0xF02, 0xF03))


def opens(buddyctl: Ask) -> int:
    """How many handles the driver counts, without the one that asks."""
    count: int = struct.unpack("<I", bytes.fromhex(buddyctl("ioctl", DEVICE, OPENS).json["output"]))[0]
    return count - 1


def wait_for_opens(buddyctl: Ask, expected: int) -> None:
    """Wine hands a close on to the driver after the closing process has gone on."""
    wait_until(lambda: opens(buddyctl) == expected, f"{expected} handles at the driver")


def test_device_list(buddyctl: Ask) -> None:
    devices = buddyctl("devices").json["devices"]
    ours: list[dict[str, Any]] = [device for device in devices if device["instance"] == INSTANCE]
    assert ours == [
        {
            "instance": INSTANCE,
            "parent": None,  # Wine has no device tree
            "hardware_ids": ["Root\\Double", "Root\\D2"],
            "compatible_ids": [],
            "service": DEVICE,
            "description": 'Double "quoted" \\ back',
            "location": "here",
            "container": None,  # nor containers
            "hidden": False,
            "started": False,
            "problem": 0,
            "problem_name": None,
            "interfaces": ["{6f4b0d31-5a5c-4e0b-9e6b-b0dd00000001}"],
        }
    ]
    keys = list(ours[0])
    assert all(list(device) == keys for device in devices)
    assert len({device["instance"] for device in devices}) == len(devices)
    assert {device["instance"] for device in buddyctl("devices", "--all").json["devices"]} >= {d["instance"] for d in devices}


def test_brief_list_is_the_same_with_fewer_keys(buddyctl: Ask) -> None:
    keys = ["instance", "service", "started", "problem", "problem_name", "parent"]
    full, brief = (buddyctl("devices", *option).json["devices"] for option in ((), ("--brief",)))
    assert brief == [{key: device[key] for key in keys} for device in full]


@pytest.mark.parametrize("name", [DEVICE, DEVICE.upper(), INSTANCE, INSTANCE.lower()])
def test_a_device_is_found_by_service_and_by_instance_in_any_case(buddyctl: Ask, name: str) -> None:
    assert buddyctl("ioctl", name, REVERSE, "0102ff").json == {"output": "ff0201"}


def test_a_device_is_opened_by_the_path_of_an_interface(buddyctl: Ask) -> None:
    path = "\\\\?\\" + INSTANCE.replace("\\", "#") + "#{6f4b0d31-5a5c-4e0b-9e6b-b0dd00000001}"
    assert buddyctl("ioctl", path, REVERSE, "0102ff").json == {"output": "ff0201"}
    refused = buddyctl("ioctl", path + "0", REVERSE)
    assert refused.code == 1 and "opening the path" in refused.json["error"]["message"]


@pytest.mark.parametrize(
    ("pattern", "arrived"), [(None, 99), ("mixed", 0), ("registers", 1), ("jobs", 2), ("transactions", 3), ("talk", 4)]
)
def test_exercise(buddyctl: Ask, pattern: str | None, arrived: int) -> None:
    started = buddyctl("exercise", DEVICE, "start", *([pattern] if pattern else []))
    expected = {"running": True, "powered": False, "operations": 2**32 + arrived, "errors": 0}
    assert expected.items() <= started.json.items()
    assert set(started.json) == {*expected, "power_ups", "power_downs"}
    assert buddyctl("exercise", DEVICE, "status") == started
    assert buddyctl("exercise", DEVICE, "stop").json == started.json | {"running": False}


def test_ioctl_without_input_or_output(buddyctl: Ask) -> None:
    assert buddyctl("ioctl", DEVICE, REVERSE).json == {"output": ""}


@pytest.mark.parametrize(
    ("code", "name", "number"),
    [(FAIL, "STATUS_DEVICE_POWERED_OFF", 0x8000000F), (UNKNOWN, "STATUS_INVALID_DEVICE_REQUEST", 0xC0000010)],
)
def test_the_status_of_the_driver_arrives_unchanged(buddyctl: Ask, code: str, name: str, number: int) -> None:
    answer = buddyctl("ioctl", DEVICE, code)
    assert (answer.code, answer.json["error"]["name"], answer.json["error"]["code"]) == (1, name, number)


def test_a_device_without_our_interface_cannot_be_opened(buddyctl: Ask) -> None:
    answer = buddyctl("exercise", "ROOT\\TWIN\\0001", "status")
    assert (answer.code, answer.json["error"]["name"]) == (1, "STATUS_DEVICE_NOT_READY")


def test_hold_keeps_a_handle_until_release(buddyctl: Ask) -> None:
    before = opens(buddyctl)
    first, second = (buddyctl("hold", DEVICE) for _ in range(2))
    assert set(first.json) == {"handle"} and first.json["handle"] != second.json["handle"]
    wait_for_opens(buddyctl, before + 2)
    assert buddyctl("release", str(first.json["handle"])).json == {}
    wait_for_opens(buddyctl, before + 1)
    assert buddyctl("release", str(first.json["handle"])).code == 3, "a handle is released once"
    assert buddyctl("release", str(second.json["handle"])) == Answer(0, {})
    wait_for_opens(buddyctl, before)


def test_a_process_of_io_ends_by_kill_and_its_handles_with_it(buddyctl: Ask) -> None:
    before = opens(buddyctl)
    started = buddyctl("io", DEVICE)
    assert set(started.json) == {"process"}
    wait_for_opens(buddyctl, before + 2)  # one handle for requests that wait, one for the others
    assert buddyctl("kill", str(started.json["process"])).json == started.json
    wait_for_opens(buddyctl, before)
    assert buddyctl("kill", str(started.json["process"])).code == 3, "a process is killed once"


def test_upper_filters_of_a_device(buddyctl: Ask) -> None:
    assert buddyctl("filter", DEVICE).json == {"upper_filters": []}
    assert buddyctl("filter", DEVICE, "add", "pnptest").json == {"upper_filters": ["pnptest"]}
    assert buddyctl("filter", DEVICE, "add", "other").json == {"upper_filters": ["pnptest", "other"]}
    assert buddyctl("filter", DEVICE, "add", "PnPTest").json == {"upper_filters": ["pnptest", "other"]}, "there already"
    assert buddyctl("filter", DEVICE, "remove", "pnptest").json == {"upper_filters": ["other"]}
    assert buddyctl("filter", DEVICE, "remove", "pnptest").code == 3
    assert buddyctl("filter", DEVICE, "remove", "other").json == buddyctl("filter", DEVICE).json == {"upper_filters": []}


def test_hold_that_cannot_open_leaves_nothing_behind(buddyctl: Ask) -> None:
    answer = buddyctl("hold", "ROOT\\TWIN\\0000")
    assert (answer.code, answer.json["error"]["name"]) == (1, "STATUS_DEVICE_NOT_READY")


def test_rebalance_and_settings_reach_the_driver(buddyctl: Ask, fake: Ask) -> None:
    def told() -> tuple[int, int]:
        status = buddyctl("exercise", DEVICE, "status").json
        return status["power_ups"], status["power_downs"]  # where the double counts both

    settings, rebalances = told()
    assert buddyctl("rebalance", DEVICE).json == {"instance": INSTANCE}
    assert told() == (settings, rebalances + 1)
    assert fake("settings", DEVICE, "TraceDetail", "0x10").json == {"settings": {"TraceDetail": 16}}
    assert told() == (settings + 1, rebalances + 1)
    assert buddyctl("settings", DEVICE).json == {"settings": {"TraceDetail": 16}}, "values that are no numbers are not ours"


@pytest.mark.parametrize(("text", "number"), [("010", 10), ("0xFFFFFFFF", 0xFFFFFFFF), ("4294967295", 0xFFFFFFFF), ("0X1f", 31)])
def test_numbers(buddyctl: Ask, text: str, number: int) -> None:
    assert buddyctl("settings", DEVICE, "TraceDetail", text).json == {"settings": {"TraceDetail": number}}


def test_a_stopped_device_takes_settings_for_its_next_start(fake: Ask, buddyctl: Ask) -> None:
    before = buddyctl("exercise", DEVICE, "status")
    assert fake("settings", DEVICE, "TraceDetail", "1", FAKE_CM_PROBLEM="22").json == {"settings": {"TraceDetail": 1}}
    assert buddyctl("exercise", DEVICE, "status") == before


def test_sleep_without_s3_says_so(buddyctl: Ask) -> None:
    answer = buddyctl("sleep")  # Wine has no S3
    assert (answer.code, answer.json["error"]["name"]) == (1, "STATUS_NOT_SUPPORTED")
    assert "powercfg /a" in answer.json["error"]["message"]

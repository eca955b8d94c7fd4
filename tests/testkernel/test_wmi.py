# SPDX-License-Identifier: MIT
"""`buddyctl wmi`: a driver engineer sees the WMI blocks of the drivers, reads and sets them, calls methods and hears events."""

from __future__ import annotations

from collections.abc import Callable

from .machine import Machine

DATA = "{b0dd0001-5a5c-4e0b-9e6b-b0dd00000001}"
EVENT = "{b0dd0002-5a5c-4e0b-9e6b-b0dd00000002}"
UNKNOWN = "{b0dd0003-5a5c-4e0b-9e6b-b0dd00000003}"


def test_blocks_are_listed_queried_set_and_called_and_events_arrive(machine: Callable[..., Machine]) -> None:
    running = machine("wmi.sys", "wmi.inf", append="root=ROOT\\WMI")
    providers = running.control("wmi")[1]["providers"]
    assert [p["driver"] for p in providers] == [r"\Driver\wmi"] and providers[0]["status"] == "registered"
    assert providers[0]["registry_path"].endswith(r"\Services\wmi") and providers[0]["mof_resource"] == "MofResource"
    blocks = {b["guid"]: (b["event"], b["instances"]) for b in providers[0]["blocks"]}
    assert blocks == {DATA: (False, ["Buddy0", "Buddy1"]), EVENT: (True, ["Buddy0"])}

    # The self-test has left 10, 11 and 5, 7 in the two instances.
    assert running.control("wmi", "query", DATA)[1] == {
        "instances": [{"index": 0, "data": "0a0000000b000000"}, {"index": 1, "data": "0500000007000000"}]
    }
    assert running.control("wmi", "query", DATA, "Buddy1")[1] == {"data": "0500000007000000"}
    assert running.control("wmi", "set", DATA, "Buddy1", "0100000002000000") == (0, {})
    assert running.control("wmi", "set", DATA, "buddy1", "1", "ff000000") == (0, {})
    assert running.control("wmi", "query", DATA, "Buddy1")[1] == {"data": "01000000ff000000"}
    assert running.control("wmi", "call", DATA, "Buddy0", "1", "20000000")[1] == {"output": "2a000000"}

    assert running.control("wmi", "call", DATA, "Buddy0", "2", "aa000000")[0] == 0
    assert running.control("wmi", "events")[1] == {"events": []}  # nobody has enabled it
    assert running.control("wmi", "enable", EVENT) == (0, {})
    assert running.control("wmi", "call", DATA, "Buddy0", "2", "bb000000")[0] == 0
    heard: list[object] = []

    def arrived() -> bool:
        heard.extend(running.control("wmi", "events")[1]["events"])
        return bool(heard)

    running.wait_until(arrived, "the event")
    assert heard == [{"guid": EVENT, "instance": 0, "data": "bb000000"}]
    assert running.control("wmi", "disable", EVENT) == (0, {})

    code, answer = running.control("wmi", "query", UNKNOWN)
    assert code == 3 and answer["error"]["name"] == "STATUS_WMI_GUID_NOT_FOUND"
    code, answer = running.control("wmi", "query", DATA, "Buddy7")
    assert code == 1 and answer["error"]["name"] == "STATUS_WMI_INSTANCE_NOT_FOUND"
    assert running.control("wmi", "query", "no guid")[0] == 2

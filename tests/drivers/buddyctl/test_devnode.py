# SPDX-License-Identifier: MIT
"""Which CfgMgr32 functions the devnode verbs call, in which order, and how they report what comes back.

Wine lacks these functions: they are faked (fake_cm.c).
"""

from __future__ import annotations

import pytest

from tests.drivers.buddyctl.harness import DEVICE, INSTANCE, Fake

# cfgmgr32.h
NO_UI, NO_RESTART, DISABLE = 1, 2, 4
RESET, READY = 4, 0
CR_NO_SUCH_DEVNODE, CR_REMOVE_VETOED, CR_ACCESS_DENIED, CR_UNHEARD_OF = 0x0D, 0x17, 0x33, 0x7777
QUERY, EJECT = "CM_Query_And_Remove_SubTreeW", "CM_Request_Device_EjectW"

CALLS = {
    "disable": [f"{QUERY} {NO_UI | DISABLE:#x}"],
    "enable": ["CM_Enable_DevNode 0x0"],
    "restart": [f"{QUERY} {NO_UI | NO_RESTART:#x}", f"CM_Setup_DevNode {RESET:#x}", f"CM_Setup_DevNode {READY:#x}"],
    "remove": [f"{QUERY} {NO_UI | NO_RESTART:#x}", "CM_Uninstall_DevNode 0x0"],
    "eject": [f"{EJECT} 0x0"],
}


@pytest.mark.parametrize("verb", CALLS)
def test_calls_in_order(fake: Fake, verb: str) -> None:
    answer = fake(verb, DEVICE)
    assert answer.json == {"instance": INSTANCE} | ({} if verb == "eject" else {"problem": 0})
    assert fake.calls == CALLS[verb]


def test_the_problem_is_reported(fake: Fake) -> None:
    assert fake("disable", DEVICE, FAKE_CM_PROBLEM="22").json == {"instance": INSTANCE, "problem": 22}


@pytest.mark.parametrize(
    ("problem", "name"), [("22", "CM_PROB_DISABLED"), ("47", "CM_PROB_HELD_FOR_EJECT"), ("99", "CM_PROB_UNKNOWN")]
)
def test_problem_names(fake: Fake, problem: str, name: str) -> None:
    (device,) = (d for d in fake("devices", FAKE_CM_PROBLEM=problem).json["devices"] if d["instance"] == INSTANCE)
    assert (device["started"], device["problem"], device["problem_name"]) == (False, int(problem), name)


def test_started_devices(fake: Fake) -> None:
    assert all(device["started"] and device["problem_name"] is None for device in fake("devices").json["devices"])


@pytest.mark.parametrize("verb", ["disable", "restart", "remove", "eject"])
def test_a_veto_says_who_and_why(fake: Fake, verb: str) -> None:
    answer = fake(verb, DEVICE, FAKE_CM_RESULT=str(CR_REMOVE_VETOED), FAKE_CM_VETO_TYPE="5", FAKE_CM_VETO_NAME="ROOT\\B\\0000")
    assert answer.code == 4
    assert answer.json["veto"] == {"by": "ROOT\\B\\0000", "reason": "outstanding-open"}
    assert (answer.json["error"]["name"], answer.json["error"]["code"]) == ("STATUS_PLUGPLAY_QUERY_VETOED", 0x80000028)
    assert fake.calls == CALLS[verb][:1], "nothing is done after a veto"


@pytest.mark.parametrize(("kind", "reason"), [("7", "driver"), ("13", "already-removed"), ("77", "unknown")])
def test_veto_reasons(fake: Fake, kind: str, reason: str) -> None:
    answer = fake("eject", DEVICE, FAKE_CM_RESULT=str(CR_REMOVE_VETOED), FAKE_CM_VETO_TYPE=kind, FAKE_CM_VETO_NAME="\\Driver\\x")
    assert answer.json["veto"] == {"by": "\\Driver\\x", "reason": reason}


@pytest.mark.parametrize("verb", [*CALLS, "rescan"])
@pytest.mark.parametrize(
    ("result", "code", "name"),
    [
        (CR_NO_SUCH_DEVNODE, 3, "STATUS_NO_SUCH_DEVICE"),
        (CR_ACCESS_DENIED, 1, "STATUS_ACCESS_DENIED"),
        (CR_UNHEARD_OF, 1, "STATUS_UNSUCCESSFUL"),
    ],
)
def test_refusals(fake: Fake, verb: str, result: int, code: int, name: str) -> None:
    answer = fake(*([verb] if verb == "rescan" else [verb, DEVICE]), FAKE_CM_RESULT=str(result))
    assert (answer.code, answer.json["error"]["name"]) == (code, name)
    assert f"0x{result:x}" in answer.json["error"]["message"]


def test_rescan(fake: Fake) -> None:
    assert fake("rescan").json == {}
    assert fake.calls == ["CM_Locate_DevNodeW 0x0", "CM_Reenumerate_DevNode 0x1"]

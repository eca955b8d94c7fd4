# SPDX-License-Identifier: MIT
"""Why a device does not get a driver, in Windows' problem codes. Codes of what happens later are in the other test_pnp files."""

from __future__ import annotations

from collections.abc import Callable

from .machine import Machine

# https://learn.microsoft.com/windows-hardware/drivers/install/device-manager-error-messages
PROBLEMS = {
    "ROOT\\OFF\\0000": (32, "CM_PROB_DISABLED_SERVICE"),
    "ROOT\\LOST\\0000": (39, "CM_PROB_DRIVER_FAILED_LOAD"),
    "ROOT\\FAILING\\0000": (37, "CM_PROB_FAILED_DRIVER_ENTRY"),
    "ROOT\\NOTHING\\0000": (28, "CM_PROB_FAILED_INSTALL"),
    "ROOT\\STRANGER\\0000": (28, "CM_PROB_FAILED_INSTALL"),
    "ROOT\\PLAIN\\0000": (31, "CM_PROB_FAILED_ADD"),
}


def test_problem_codes_of_devices_without_a_driver(machine: Callable[..., Machine]) -> None:
    roots = ",".join(instance.removesuffix("\\0000") for instance in PROBLEMS) + ",ROOT\\NULLDRIVER"
    running = machine("version1.sys", "legacy.sys", "problems.inf", append=f"root={roots}")
    devices = running.devices()
    assert {name: (devices[name]["problem"], devices[name]["problem_name"]) for name in PROBLEMS} == PROBLEMS
    assert not any(devices[name]["started"] for name in PROBLEMS)
    # "For devices that do not require a function driver": page on the INF AddService directive.
    null = devices["ROOT\\NULLDRIVER\\0000"]
    assert null["started"] and null["problem"] == 0 and null["service"] is None and null["description"] == "NULL driver"
    # Tried again, it is the same again.
    for name, (problem, _) in PROBLEMS.items():
        code, answer = running.control("enable", name)
        assert (code, answer["problem"]) == (0, problem)

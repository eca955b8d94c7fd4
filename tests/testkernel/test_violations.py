# SPDX-License-Identifier: MIT
"""Who breaks a rule of the verifier is stopped with Windows' code, blamed, and told the rule and Microsoft's page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .conftest import INF, Boot, boot_drivers
from .violations import RULES, TOOL, VIOLATIONS

# A watchdog of seconds is waited for in virtual time: a microsecond an instruction.
IN_VIRTUAL_TIME = ["-icount", "shift=10,sleep=off"]
# S3, which QEMU has off by default. By how a case's name begins: QEMU's edu device with messages; the driver as its own filter.
EDU = ["-device", "edu", "-global", "ICH9-LPC.disable_s3=0"]
ON_EDU = (
    INF.replace(r"ROOT\{service}", r"PCI\VEN_1234&DEV_11E8")
    + r"""[Install.NT.HW]
AddReg = Messages
[Messages]
HKR,"Interrupt Management\MessageSignaledInterruptProperties",MSISupported,0x00010001,{messages}
"""
)
FILTER = INF + "[Install.NT.HW]\nAddReg = Filter\n[Filter]\nHKR,,UpperFilters,0x00010000,{service}\n"


@pytest.fixture(scope="module")
def boots(
    request: pytest.FixtureRequest, built: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Boot]]]:
    """The boots of all cases that were selected, two at a time."""
    specs = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = [params["violation"] for params in specs if "violation" in params]

    def run(case: str, directory: Path) -> Boot:
        settings: dict[str, Any] = {}
        if case.startswith("pci_"):
            settings = {"inf_text": ON_EDU.replace("{messages}", str(int(case.endswith("_left"))))}
        elif case.startswith("filter_"):
            settings = {"inf_text": FILTER}
        elif case.startswith("asleep_"):
            settings = {"append": "script=9000:sleep"}
        hurry = IN_VIRTUAL_TIME if case.removesuffix("_later").endswith(("_forever", "_too_long")) else []
        # "…_later": the stop comes when all devices are up already; nothing else is waited for.
        until = "no such text" if case.endswith("_later") else "ready:"
        # "above_…": on top of a driver that keeps its IRPs.
        below = ["io_violations"] if case.startswith("above_") else []
        return boot_drivers(built, directory, [*below, f"break_{case}"], [until], qemu=hurry + EDU, **settings)

    with ThreadPoolExecutor(2) as pool:
        yield {v.case: pool.submit(run, v.case, tmp_path_factory.mktemp(v.case)) for v in wanted}


@pytest.mark.parametrize("violation", VIOLATIONS, ids=[violation.case for violation in VIOLATIONS])
def test_a_broken_rule_stops_with_windows_code(boots: dict[str, Future[Boot]], violation: Any) -> None:
    done = boots[violation.case].result()
    report = done.bugcheck
    assert report, f"the kernel did not stop: {done.log}"
    sub = report["parameters"][0] if violation.sub is None else violation.sub
    assert (f"{report['code']:X}/{report['parameters'][0]:X}") == f"{violation.code:X}/{sub:X}", report["reason"]
    assert violation.reason == "-" or violation.reason in report["reason"]
    assert report["driver"] == f"break_{violation.case}.sys"
    # What outlives a driver is found when it is unloaded: after its DriverEntry failed, or in its DriverUnload.
    assert report["function"].startswith((f"Break_{violation.case}", "DriverEntry", "Unload"))
    rule = next((rule for rule in RULES if TOOL.breaks(violation, rule)), None)
    if rule is None:  # a driver's own KeBugCheckEx
        assert report["code"] not in {rule.code for rule in RULES} and "rule" not in report
    else:
        assert (report["rule"], report["page"]) == (rule.words, TOOL.BASE + rule.page)
        assert f"Rule:     {rule.words}\nPage:     {TOOL.BASE}{rule.page}\n" in done.log

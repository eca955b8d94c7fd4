# SPDX-License-Identifier: MIT
"""Every rule finds what breaks it, in the right line, and nothing in a good INF."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from driverpack.inf import Inf
from driverpack.rules import RULES, check

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
GOOD = (HERE / "good" / "function-driver.inf").read_text()
BROKEN: list[dict[str, Any]] = yaml.safe_load((HERE / "broken.yaml").read_text())


@pytest.mark.parametrize("path", sorted((HERE / "good").iterdir()), ids=lambda path: path.stem)
def test_good_infs_are_good(path: Path) -> None:
    assert [str(finding) for finding in check(Inf.read(path))] == []


@pytest.mark.parametrize("path", sorted((ROOT / "guest-drivers").glob("*/*.inf")), ids=lambda path: path.stem)
def test_our_infs_break_no_rule(path: Path) -> None:
    assert [str(finding) for finding in check(Inf.read(path))] == []


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: f"{case['code']}: {case['by'] or 'without ' + case['replace']}")
def test_a_mistake_is_found_where_it_is(case: dict[str, Any]) -> None:
    assert GOOD.count(case["replace"]) == 1, "the piece to replace must be in the good INF once"
    text = GOOD.replace(case["replace"], case["by"])
    place = case.get("line") or case["by"].split("\n")[0]
    line = text[: text.index(place) + len(place) - len(place.lstrip())].count("\n") + 1
    findings = check(Inf(text))
    assert (case["code"], line) in {(finding.rule.code, finding.line) for finding in findings}, [*map(str, findings)]
    assert {finding.rule.code for finding in findings} - {case["code"], *case.get("also", [])} == set(), [*map(str, findings)]


def test_every_rule_is_broken_here() -> None:
    assert {rule.code for rule in RULES} == {case["code"] for case in BROKEN}


def test_every_rule_names_its_page() -> None:
    for rule in RULES:
        assert rule.page.startswith("https://learn.microsoft.com/en-us/windows-hardware/drivers/")
        assert rule.function.__doc__


def test_a_finding_reads_like_a_compiler_message() -> None:
    (finding,) = check(Inf(GOOD.replace("PnpLockdown = 1", ""), "x.inf"))
    assert str(finding).startswith("x.inf:3: pnp-lockdown: [Version] must have PnpLockdown = 1 (https://")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "good.inf"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode(encoding))
    assert check(Inf.read(path)) == []
    assert Inf.read(path).hardware_ids() == ["pci\\ven_1234&dev_b0dd", "pci\\ven_1234"]


def test_reading() -> None:
    inf = Inf(GOOD)
    assert inf.strings["provider"] == "Somebody, Ltd."
    assert inf.version("DriverVer") == "02/29/2024,1.2.3.65535"
    assert [entry.values for entry in inf.entries("hardware")][1:3] == [
        ("HKR", "", "Setting", "0x00010001", "0x10"),
        ("HKR", "Sub;key", "Text", "", "continued"),
    ]
    assert inf.expand("%%SystemRoot%%\\%Disk%\\%13%") == "%SystemRoot%\\Disk\\%13%"

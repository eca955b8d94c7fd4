# SPDX-License-Identifier: MIT
"""A device's security descriptor from its INF (HKR,,Security): programs are held to it, drivers are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .machine import Machine

STATUS_ACCESS_DENIED = 0xC0000022
PLUG = f"{0x80000000 | 0x800 << 2:#x}"
BUS = r"ROOT\PNPBUS\0000"


@pytest.mark.parametrize(
    ("descriptor", "allowed"),
    [("D:P(A;;GA;;;SY)(A;;GA;;;BA)", True), ("D:P", False), ("D:P(A;;GR;;;SY)", False)],
    ids=["system", "kernel only", "read only"],
)
def test_a_program_is_held_to_the_descriptor_of_the_inf(
    machine: Callable[..., Machine], tmp_path: Path, descriptor: str, allowed: bool
) -> None:
    original = (Path(__file__).parent / "drivers" / "pnpbus.inf").read_text()
    inf = tmp_path / "secured.inf"
    inf.write_text(original + f'\n[Install.NT.HW]\nAddReg = Security\n[Security]\nHKR,,Security,,"{descriptor}"\n')
    running = machine("pnpbus.sys", str(inf), append="root=ROOT\\PNPBUS")
    code, answer = running.control("ioctl", BUS, PLUG, "0000000000000000")
    if allowed:
        assert code == 0, answer
    else:
        assert code != 0 and answer["error"]["code"] == STATUS_ACCESS_DENIED, answer
    assert running.device("ROOT\\PNPBUS"), "the device is started all the same"

# SPDX-License-Identifier: MIT
"""Steps as scenario files write them (patterns, reboot, test filter, processes), and topologies with several of a kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.base.errors import BadInput
from orchestrator.machine.topology import load_topology
from orchestrator.scenario.loader import load_suite
from orchestrator.scenario.model import Step
from orchestrator.scenario.steps.hotplug import Plug
from orchestrator.scenario.steps.pnptest import _CONTROLS, PnpTest
from orchestrator.scenario.steps.process import Io, Kill
from orchestrator.scenario.steps.reboot import Reboot
from orchestrator.scenario.steps.waiting import Repeat

HEADER = Path(__file__).parents[2] / "guest-drivers" / "include" / "pnptest_ioctl.h"


def steps(directory: Path, *lines: str) -> list[Step]:
    suite = directory / "suite.yaml"
    text = "scenarios:\n  one:\n    about: x\n    topology: fred-family\n    exercise: none\n    steps:\n"
    suite.write_text(text + "".join(f"      - {line}\n" for line in lines))
    return list(load_suite(suite).scenarios[0].steps)


def test_a_pattern_is_one_step_a_device_and_one_wait_at_the_end(tmp_path: Path) -> None:
    (step,) = steps(tmp_path, 'plug: "toaster*"')
    assert step == Repeat(1, [Plug("toaster0", settle=False), Plug("toaster1", settle=True)])


def test_a_pattern_that_waits_for_nothing(tmp_path: Path) -> None:
    (step,) = steps(tmp_path, 'plug: {device: "toaster*", settle: false}')
    assert isinstance(step, Repeat)
    assert [each.settle for each in step.steps if isinstance(each, Plug)] == [False, False]


def test_a_pattern_that_means_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no device 'kettle\\*'"):
        steps(tmp_path, 'plug: "kettle*"')


def test_reboot_process_and_filter(tmp_path: Path) -> None:
    found = steps(tmp_path, "reboot", "reboot: critical", "io: owner", "kill: owner", "pnptest: {driver: owner, do: rebalance}")
    assert found == [Reboot(), Reboot(critical=True), Io("owner"), Kill("owner"), PnpTest("owner", "rebalance")]


@pytest.mark.parametrize("line", ["reboot: gently", "pnptest: {driver: owner, do: rebalanse}", "pnptest: owner"])
def test_what_these_steps_do_not_know(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadInput):
        steps(tmp_path, line)


def test_least_belongs_to_stop(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="least belongs to `do: stop`"):
        steps(tmp_path, "exercise: {driver: toaster, least: 1}")


def test_the_filters_codes_are_those_of_its_header() -> None:
    header = HEADER.read_text()
    bits = {name: int(bit) for name, bit in re.findall(r"^#define PNPTEST_(\w+)\s+(\d+)", header, re.MULTILINE)}
    for name, (code, value) in _CONTROLS.items():
        constant = "IOCTL_PNPTEST_ARM" if value is not None else "IOCTL_PNPTEST_" + name.upper().replace("-", "_")
        assert f"#define {constant} CTL_CODE(FILE_DEVICE_BUDDY, 0x{code >> 2 & 0xFFF:x}," in header
        if value is not None:
            vetoed = bits["FAIL_QUERY_REMOVE"] if name == "hold-query-remove" else 0  # held, and then vetoed
            assert value == bits[name.upper().replace("-", "_")] | vetoed


def test_several_of_a_kind() -> None:
    devices = load_topology("full-fredbus").devices
    assert [id for id in devices if id.startswith("toaster")] == [f"toaster{number}" for number in range(16)]
    assert devices["oven15"].driver == "fred-oven" and devices["oven15"].parent == "fred0"

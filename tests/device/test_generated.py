# SPDX-License-Identifier: MIT
"""What is generated is what is in the tree, and every rule of rules.yaml is provoked by some test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from orchestrator.journal.registers import spell_out
from tests.device.conftest import HERE, ROOT


def test_generated_files_are_up_to_date() -> None:
    result = subprocess.run(
        [sys.executable, str(ROOT / "qemu-device" / "tools" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_stale_file_would_be_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "repository"
    subprocess.run(["mkdir", "-p", str(copy / "docs"), str(copy / "orchestrator" / "journal")], check=True)
    subprocess.run(["cp", "-r", str(ROOT / "qemu-device"), str(copy)], check=True)
    for name in ("docs/device.md", "orchestrator/journal/registers.py"):
        (copy / name).write_text((ROOT / name).read_text())
    description = copy / "qemu-device" / "registers" / "buddy.rdl"
    description.write_text(description.read_text().replace("SCRATCH @ 0x010", "SCRATCH @ 0x028"))
    result = subprocess.run(
        [sys.executable, str(copy / "qemu-device" / "tools" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    for name in ("include/buddy_regs.h", "src/register_tables.h", "docs/device.md"):
        assert f"stale: {name}" in result.stdout.replace("qemu-device/", ""), result.stdout


def test_every_rule_is_provoked_by_a_test() -> None:
    rules = yaml.safe_load((ROOT / "qemu-device" / "rules.yaml").read_text())
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)
    untested = [rule["name"] for rule in rules if not re.search(rf'"{rule["name"]}"', tests)]
    assert untested == []
    for rule in rules:
        assert set(rule) == {"name", "why", "source"}, rule


def test_every_fault_is_documented() -> None:
    source = (ROOT / "qemu-device" / "src" / "fault.c").read_text()
    names = re.findall(r'\[FAULT_[A-Z0-9_]+\] = "([a-z0-9-]+)"', source)
    page = (ROOT / "docs" / "device.md").read_text()
    assert len(names) == 14
    assert [name for name in names if f"`{name}`" not in page] == []


def test_values_are_spelled_out_by_field_names() -> None:
    assert spell_out("buddy", "STATUS", 0x06) == "sem_mine sem_taken"
    assert spell_out("buddy", "SCRATCH", 5) == "0x5"
    assert spell_out("fredbus", "slot[3].STATUS", 0x02000101) == "present kind=0x1 generation=0x2"
    assert spell_out("buddy", "+0x7f4", 7) == "0x7"


def test_the_drop_in_for_a_qemu_tree_builds_every_source() -> None:
    device = ROOT / "qemu-device"
    listed = set(re.findall(r"'([a-z_]+\.c)'", (device / "qemu-tree" / "meson.build").read_text()))
    assert listed == {path.name for path in (device / "src").glob("*.c")} - {"loader.c"}

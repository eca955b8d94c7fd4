# SPDX-License-Identifier: MIT
"""`orchestrator doctor` says what is there, and what is not and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.conftest import Command


@pytest.mark.image
def test_where_everything_is_there(command: Command) -> None:
    ended = command("doctor")
    assert ended.exit_code == 0, ended.output
    assert "everything that a run needs is there" in ended.output
    assert "accelerator: tcg (" in ended.output or "accelerator: kvm (" in ended.output


def test_where_nothing_is_built(tmp_path: Path) -> None:
    ended = Command(tmp_path, tmp_path / "build")("doctor")
    assert ended.exit_code == 1
    assert "MISSING  QEMU module: the QEMU module is not built" in ended.output
    assert "MISSING  image: there is no image" in ended.output
    assert "Run `make image`." in ended.output

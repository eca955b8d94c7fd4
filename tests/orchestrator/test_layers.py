# SPDX-License-Identifier: MIT
"""The layers of docs/architecture.md: each knows only those below it (the contract is in pyproject.toml)."""

from __future__ import annotations

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from orchestrator.base.paths import repository


def test_no_layer_reaches_across() -> None:
    assert lint_imports(str(repository() / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS

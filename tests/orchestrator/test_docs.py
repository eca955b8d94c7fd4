# SPDX-License-Identifier: MIT
"""docs/scenarios.md knows the whole vocabulary."""

from __future__ import annotations

from orchestrator.base.paths import repository
from orchestrator.base.verdict import Verdict
from orchestrator.scenario import loader

PAGE = (repository() / "docs" / "scenarios.md").read_text()


def test_every_key_step_and_verdict_is_documented() -> None:
    words = [*loader._SCENARIO_KEYS, *loader._EXPECT_KEYS, *loader._PARSERS, "repeat"]
    missing = [word for word in words if f"`{word}" not in PAGE and f"{word}:" not in PAGE]
    assert missing == []
    for verdict in Verdict:
        assert f"| {verdict} | {verdict.exit_code} |" in PAGE

# SPDX-License-Identifier: MIT
"""The rules for INF files: functions in the modules here, each with the code and the page under which Microsoft documents it."""

from __future__ import annotations

from driverpack.inf import Inf
from driverpack.rules import files, models, registry, sections, services, version
from driverpack.rules.rule import RULES, Finding

__all__ = ["RULES", "Finding", "check"]

MODULES = (files, models, registry, sections, services, version)


def check(inf: Inf) -> list[Finding]:
    """All findings, in the order of lines."""
    findings = [Finding(rule, inf.name, line, message) for rule in RULES for line, message in rule.function(inf)]
    return sorted(set(findings), key=lambda finding: (finding.line, finding.rule.code))

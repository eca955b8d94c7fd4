# SPDX-License-Identifier: MIT
"""The verifier's rules and the drivers that each break one: what ke/rules.txt, ke/irql.txt and selftest/*violations.txt say."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from .conftest import KERNEL_SOURCE


def load_tool(name: str) -> ModuleType:
    """images/testkernel/tools/<name>.py, which is no package."""
    spec = importlib.util.spec_from_file_location(f"testkernel_{name}", KERNEL_SOURCE / "tools" / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their module up
    spec.loader.exec_module(module)
    return module


TOOL = load_tool("rules")
IRQL_TOOL = load_tool("irql")
NAMES = TOOL.read_names(KERNEL_SOURCE / "ke" / "bugcodes.c")
RULES = TOOL.read_rules(KERNEL_SOURCE / "ke" / "rules.txt", NAMES)
LISTS = sorted((KERNEL_SOURCE / "selftest").glob("*violations.txt"))
VIOLATIONS = [violation for path in LISTS for violation in TOOL.read_violations(path)]
IRQL_TABLE = KERNEL_SOURCE / "ke" / "irql.txt"
IRQL = IRQL_TOOL.read_table(IRQL_TABLE)

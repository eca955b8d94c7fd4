# SPDX-License-Identifier: MIT
"""docs/testkernel-coverage.md: every test, self-test function, violating driver and scenario that it names is there."""

from __future__ import annotations

import re

import pytest

from .conftest import KERNEL_SOURCE, REPOSITORY
from .violations import VIOLATIONS

PAGE = (REPOSITORY / "docs" / "testkernel-coverage.md").read_text()
NAMED = sorted(set(re.findall(r"`([\w/]+\.(?:py|c)::\w+|violation:\w+|scenario:[\w-]+/[\w-]+)`", PAGE)))
CASES = {violation.case for violation in VIOLATIONS}


def test_the_page_names_tests() -> None:
    assert len(NAMED) > 100


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_there(name: str) -> None:
    if name.startswith("violation:"):
        assert name.removeprefix("violation:") in CASES
        return
    if name.startswith("scenario:"):
        suite, _, scenario = name.removeprefix("scenario:").partition("/")
        assert re.search(rf"^  {scenario}:$", (REPOSITORY / "suites" / f"{suite}.yaml").read_text(), re.MULTILINE)
        return
    path, _, function = name.partition("::")
    root = KERNEL_SOURCE if path.endswith(".c") else REPOSITORY / "tests"
    text = (root / path).read_text()
    assert re.search(rf"(?:^|\s)\**{function}\(", text), f"{path} has no {function}"

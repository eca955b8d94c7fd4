# SPDX-License-Identifier: MIT
"""Imports oscrypto (through which signify uses OpenSSL) beside an OpenSSL whose patch level has two digits.

oscrypto 1.3.0, its last release, looks for one digit in "OpenSSL 3.0.19" and gives up; its authors have corrected that, without a
release since. The pattern is widened while oscrypto is imported, and nothing else of it is changed.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

ONE_DIGIT = "\\b(\\d\\.\\d\\.\\d[a-z]*)\\b"
ANY_DIGITS = "\\b(\\d+\\.\\d+\\.\\d+[a-z]*)\\b"


def import_oscrypto() -> None:
    """Import it; later imports find it loaded."""
    search = re.search

    def wider(pattern: Any, *arguments: Any, **named: Any) -> Any:
        return search(ANY_DIGITS if pattern == ONE_DIGIT else pattern, *arguments, **named)

    setattr(re, "search", wider)  # noqa: B010
    try:
        importlib.import_module("oscrypto.asymmetric")
    finally:
        setattr(re, "search", search)  # noqa: B010

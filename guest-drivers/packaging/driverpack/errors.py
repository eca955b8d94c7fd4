# SPDX-License-Identifier: MIT
"""What can go wrong, in words for the person who builds the package."""

from __future__ import annotations


class PackageError(Exception):
    """A package cannot be made or is not right; the text says what was expected, what came, and what to do next."""

# SPDX-License-Identifier: MIT
"""Errors that a user reads: what was expected, what came, and what to do next."""

from __future__ import annotations


class OrchestratorError(Exception):
    """Something that ends a command with a message instead of a traceback.

    `problem` says what was expected and what came; `remedy` what to do next.
    """

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        super().__init__(problem if remedy is None else f"{problem}\n  {remedy}")
        self.problem = problem
        self.remedy = remedy


class BadInput(OrchestratorError):
    """What the user gave cannot be used: a scenario file, an option, an image that is not there."""


class HarnessError(OrchestratorError):
    """The test bench itself failed: QEMU would not start, no disk space, lost journal records. May be retried."""

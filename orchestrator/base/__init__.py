# SPDX-License-Identifier: MIT
"""Vocabulary that every layer shares: verdicts, errors, events, paths."""

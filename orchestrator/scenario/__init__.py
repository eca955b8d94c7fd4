# SPDX-License-Identifier: MIT
"""Scenarios: what they are (model), how they are read (loader), their steps, and how one is carried out (execution)."""

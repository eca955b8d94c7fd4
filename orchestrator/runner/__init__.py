# SPDX-License-Identifier: MIT
"""Runs scenarios: which ones, how many at a time, and what came of them."""

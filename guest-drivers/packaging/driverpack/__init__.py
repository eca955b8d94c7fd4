# SPDX-License-Identifier: MIT
"""Windows driver packages made on Linux: INF rules, catalogues, signatures. See docs/packaging.md."""

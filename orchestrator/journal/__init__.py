# SPDX-License-Identifier: MIT
"""The device's journal: following it live, its records, and the invariants that hold in every scenario."""

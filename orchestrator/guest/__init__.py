# SPDX-License-Identifier: MIT
"""The guest: its agent, buddyctl's verbs, its image and its crash reports. Knows nothing of QEMU's monitor."""

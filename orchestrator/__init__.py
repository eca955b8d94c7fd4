# SPDX-License-Identifier: MIT
"""Boots VMs with the buddy device, drives them over QMP, and gives a verdict from what hardware, guest and QEMU saw.

Layers, each knowing only those below: cli, report, runner, scenario, then machine, guest and journal side by
side, then base. `lint-imports` checks this.
"""

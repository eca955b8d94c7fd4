# SPDX-License-Identifier: MIT
"""The virtual machine: QEMU's command line, process, monitor, topology and life cycle. Knows nothing of the guest inside."""

# SPDX-License-Identifier: MIT
"""The command line. Each command is a module; imports that cost time are made when a command needs them."""

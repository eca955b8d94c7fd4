# SPDX-License-Identifier: MIT
"""Results for people and for other programs. Everything here reads results and events; nothing decides."""

# SPDX-License-Identifier: MIT
"""pytest: a fixture with a booted machine, and scenario files as tests. docs/pytest.md shows both."""

# SPDX-License-Identifier: MIT
"""The steps that a scenario can have. Each module's PARSERS says which keys it understands."""

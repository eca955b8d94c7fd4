# SPDX-License-Identifier: MIT
"""python -m driverpack.finish IMAGE...: what the linker leaves undone in an image that it has just written."""

from __future__ import annotations

import sys
from pathlib import Path

from driverpack.errors import PackageError
from driverpack.pe import with_discardable_init


def main(paths: list[str]) -> int:
    """Entry point. The exit code is 1 for a file that is no unsigned PE image."""
    for path in map(Path, paths):
        try:
            path.write_bytes(with_discardable_init(path.read_bytes()))
        except PackageError as error:
            print(f"error: {path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

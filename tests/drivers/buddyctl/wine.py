# SPDX-License-Identifier: MIT
"""Programs run under Wine, in a Windows of their own that the test session makes and ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

LIMIT = 60  # seconds; a run takes 20 ms, the first one 3 s
LOADERS = ("/usr/lib/wine/wine64", "/usr/bin/wine64")  # Debian's package wine64 puts it outside the PATH


def loader() -> str:
    """Wine's loader; its absence is an error, not a skip: the set-up installs it."""
    for name in (shutil.which("wine64"), *LOADERS):
        if name and Path(name).exists():
            return name
    raise RuntimeError("wine64 is not installed; run `make setup` (package wine64 of guest-drivers/packages.txt)")


class Wine:
    """One prefix. Nothing of the user's own ~/.wine is read or written."""

    def __init__(self, prefix: Path) -> None:
        """Make the prefix."""
        self.prefix = prefix
        self.loader = loader()
        self.environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {
            "WINEPREFIX": str(prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",  # no offers to download .NET or a browser engine
        }
        self.begin()
        self.run("wineboot", "--init")

    @property
    def system32(self) -> Path:
        """Windows' system folder as Linux sees it."""
        return self.prefix / "drive_c" / "windows" / "system32"

    def run(self, *command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end. Wine itself lends standard error to every process that it starts, so it is not captured."""
        return subprocess.run(
            [self.loader, *command],
            env=self.environment | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT,
            check=False,
        )

    def server(self, option: str) -> None:
        """Run wineserver."""
        beside = Path(self.loader).with_name("wineserver64")
        command = str(beside) if beside.exists() else shutil.which("wineserver") or "wineserver"
        quiet = subprocess.DEVNULL  # it stays, and must not keep our own output open
        subprocess.run([command, option], env=self.environment, stdout=quiet, stderr=quiet, check=False, timeout=LIMIT)

    def begin(self) -> None:
        """Start the server so that it stays: by itself it ends, with all drivers, 3 s after the last program; so 120."""
        self.server("-p120")

    def end(self) -> None:
        """End every process of the prefix, and its server."""
        self.server("-k")

# SPDX-License-Identifier: MIT
"""Signing images and catalogues with osslsigncode."""

from __future__ import annotations

import subprocess
from pathlib import Path

from driverpack.certificate import SigningKey
from driverpack.errors import PackageError

LIMIT = 60  # seconds


def osslsigncode(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it; the caller judges the result."""
    try:
        return subprocess.run(
            ["osslsigncode", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise PackageError("osslsigncode is not installed; run `make setup` (package osslsigncode)") from error


def sign(unsigned: Path, signed: Path, key: SigningKey) -> None:
    """Sign an image (embedded) or a catalogue; SHA-256, no time stamp: the certificate outlives the test machines."""
    signed.unlink(missing_ok=True)  # osslsigncode refuses to write over a file
    done = osslsigncode(
        "sign", "-h", "sha256", "-certs", key.pem, "-key", key.key, "-n", signed.stem, "-in", unsigned, "-out", signed
    )
    if done.returncode or not signed.exists():
        raise PackageError(f"osslsigncode could not sign {unsigned}:\n{done.stdout}{done.stderr}")

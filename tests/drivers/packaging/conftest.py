# SPDX-License-Identifier: MIT
"""Fixtures of the packaging tests: drivers of every variant, and signed packages of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from driverpack import certificate, package

from tests.drivers.packaging.variants import NAMES, build


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> certificate.SigningKey:
    """A test certificate of the session's own."""
    return certificate.make(tmp_path_factory.mktemp("signing") / "signing")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drivers that the suite tests: gcc, x64."""
    return build(tmp_path_factory.mktemp("build"), *NAMES)


@pytest.fixture(scope="session")
def packages(built: Path, key: certificate.SigningKey, tmp_path_factory: pytest.TempPathFactory) -> dict[str, package.Package]:
    """A signed package of each driver."""
    out = tmp_path_factory.mktemp("packages")
    return {name: package.build(built / name, out / name, key) for name in NAMES}

# SPDX-License-Identifier: MIT
"""What is done to an image between linker and signature."""

from __future__ import annotations

import struct
from pathlib import Path

import pefile
import pytest
from driverpack import finish, pe
from driverpack.errors import PackageError

from tests.drivers.packaging.variants import build

DISCARDABLE = 0x02000000


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (build(tmp_path_factory.mktemp("sections"), "oven") / "oven" / "oven.sys").read_bytes()


def changed(image: bytes, section: str, characteristics: int) -> bytes:
    """The image with a characteristic added to a section."""
    offset = pe.sections(image)[section]
    (old,) = struct.unpack_from("<I", image, offset)
    return image[:offset] + struct.pack("<I", old | characteristics) + image[offset + 4 :]


def test_marking_changes_the_flag_and_the_checksum_only(image: bytes) -> None:
    offset = pe.sections(image)["INIT"]
    (flags,) = struct.unpack_from("<I", image, offset)
    unmarked = image[:offset] + struct.pack("<I", flags & ~DISCARDABLE) + image[offset + 4 :]
    marked = pe.with_discardable_init(unmarked)
    assert marked == image == pe.with_discardable_init(marked), "the build did just that; twice is once"
    checksum = pe.layout(image).checksum
    allowed = {*range(offset, offset + 4), *range(checksum, checksum + 4)}
    assert {at for at, byte in enumerate(unmarked) if marked[at] != byte} <= allowed
    assert pefile.PE(data=marked).verify_checksum()


def test_discardable_pageable_code_is_refused(image: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.sys"
    bad.write_bytes(changed(image, "PAGE", DISCARDABLE))
    assert finish.main([str(bad)]) == 1
    assert "PAGE is pageable and discardable" in capsys.readouterr().err


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(PackageError, match="no PE image"):
        pe.with_discardable_init(b"#!/bin/sh" + bytes(100))


def test_a_signed_image_is_refused(image: bytes) -> None:
    directory = pe.layout(image).directory
    signed = image[:directory] + struct.pack("<II", len(image), 8) + image[directory + 8 :] + bytes(8)
    with pytest.raises(PackageError, match="signed already"):
        pe.with_discardable_init(signed)

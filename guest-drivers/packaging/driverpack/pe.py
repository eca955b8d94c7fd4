# SPDX-License-Identifier: MIT
"""Driver images: the hash that a signature covers, and the header's checksum.

Sources: "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008), "Calculating the PE Image Hash";
https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from driverpack.errors import PackageError

SECURITY_DIRECTORY = 4


@dataclass(frozen=True)
class Layout:
    """Where in the file the parts stand that a signature changes."""

    checksum: int  # offset of the optional header's CheckSum
    directory: int  # offset of the data directory's entry for the attribute certificates
    certificates: int  # offset of the attribute certificates: the end of the image if there are none
    signed: bool


def layout(image: bytes) -> Layout:
    """Find the parts."""
    try:
        (header,) = struct.unpack_from("<I", image, 0x3C)
        if image[:2] != b"MZ" or image[header : header + 4] != b"PE\0\0":
            raise PackageError("this is no PE image: it has no MZ and PE signature")
        optional = header + 24
        (magic,) = struct.unpack_from("<H", image, optional)
        directories = optional + {0x10B: 96, 0x20B: 112}[magic]
        directory = directories + 8 * SECURITY_DIRECTORY
        offset, size = struct.unpack_from("<II", image, directory)
    except (struct.error, KeyError) as error:
        raise PackageError(f"this PE image's headers are damaged: {error}") from error
    if size and offset + size != len(image):
        raise PackageError("the signature does not stand at the end of the image: strip it and sign again")
    return Layout(optional + 64, directory, offset if size else len(image), bool(size))


def authenticode_sha256(image: bytes) -> bytes:
    """The SHA-256 that signatures and catalogues carry. The same before and after signing: signing pads the image to 8 bytes."""
    parts = layout(image)
    digest = hashlib.sha256(image[: parts.checksum])
    digest.update(image[parts.checksum + 4 : parts.directory])
    digest.update(image[parts.directory + 8 : parts.certificates])
    digest.update(bytes(-parts.certificates % 8))
    return digest.digest()


def with_checksum(image: bytes) -> bytes:
    """The image with the checksum that Windows' loader checks for drivers: 16-bit one's complement sum plus the length."""
    offset = layout(image).checksum
    cleared = image[:offset] + bytes(4) + image[offset + 4 :]
    padded = cleared + bytes(len(cleared) % 2)
    total = sum(struct.unpack(f"<{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return image[:offset] + struct.pack("<I", total + len(image)) + image[offset + 4 :]

# SPDX-License-Identifier: MIT
"""Driver images: the hash that a signature covers, the header's checksum, and what happens to each section in memory.

Sources: "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008), "Calculating the PE Image Hash";
https://learn.microsoft.com/en-us/windows/win32/debug/pe-format
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from driverpack.errors import PackageError

SECURITY_DIRECTORY = 4
MEM_DISCARDABLE = 0x02000000  # a section's characteristic


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


def sections(image: bytes) -> dict[str, int]:
    """By section name the offset of its Characteristics in the file."""
    layout(image)  # it is a PE image
    (header,) = struct.unpack_from("<I", image, 0x3C)
    (count,) = struct.unpack_from("<H", image, header + 6)
    (optional_size,) = struct.unpack_from("<H", image, header + 20)
    first = header + 24 + optional_size
    starts = range(first, first + 40 * count, 40)
    return {image[start : start + 8].rstrip(b"\0").decode("latin-1"): start + 36 for start in starts}


def with_discardable_init(image: bytes) -> bytes:
    """The image with its INIT section marked as discardable, as Microsoft's linker does, and the checksum set.

    Windows frees such a section when DriverEntry has returned. Pageable code must not be marked: it would be gone then.
    https://learn.microsoft.com/en-us/windows-hardware/drivers/kernel/making-drivers-pageable
    """
    if layout(image).signed:
        raise PackageError("the image is signed already: its sections must be marked before that")
    changed = bytearray(image)
    for name, offset in sections(image).items():
        (characteristics,) = struct.unpack_from("<I", image, offset)
        if name == "INIT":
            struct.pack_into("<I", changed, offset, characteristics | MEM_DISCARDABLE)
        elif name.startswith("PAGE") and characteristics & MEM_DISCARDABLE:
            raise PackageError(f"the section {name} is pageable and discardable: Windows would free it after DriverEntry")
    return with_checksum(bytes(changed))

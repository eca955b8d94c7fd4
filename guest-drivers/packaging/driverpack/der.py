# SPDX-License-Identifier: MIT
"""Writing DER (ITU-T X.690): as much as a catalogue needs. Every function returns one encoded value."""

from __future__ import annotations

import datetime


def value(tag: int, *contents: bytes) -> bytes:
    """A value with any tag."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*members: bytes) -> bytes:
    """SEQUENCE."""
    return value(0x30, *members)


def set_of(*members: bytes) -> bytes:
    """SET OF, which DER sorts."""
    return value(0x31, *sorted(members))


def explicit(number: int, member: bytes) -> bytes:
    """[number] EXPLICIT."""
    return value(0xA0 | number, member)


def implicit(number: int, contents: bytes = b"") -> bytes:
    """[number] IMPLICIT of a primitive type."""
    return value(0x80 | number, contents)


def integer(number: int) -> bytes:
    """INTEGER, not negative."""
    return value(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(data: bytes) -> bytes:
    """OCTET STRING."""
    return value(0x04, data)


def null() -> bytes:
    """NULL."""
    return value(0x05)


def bit_string(data: bytes, unused: int) -> bytes:
    """BIT STRING whose last `unused` bits do not count."""
    return value(0x03, bytes([unused]), data)


def bmp_string(text: str) -> bytes:
    """BMPString."""
    return value(0x1E, text.encode("utf-16-be"))


def utc_time(moment: datetime.datetime) -> bytes:
    """UTCTime; the moment is in UTC."""
    return value(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER."""
    first, second, *rest = map(int, dotted.split("."))
    body = b""
    for number in (40 * first + second, *rest):
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.insert(0, number & 0x7F | 0x80)
        body += bytes(digits)
    return value(0x06, body)

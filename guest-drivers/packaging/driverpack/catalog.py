# SPDX-License-Identifier: MIT
"""Catalogue files: a PKCS#7 certificate trust list over the hashes of a package's files, as Inf2Cat makes it for Windows 10.

Sources: [MS-CAESO] "Certificate Trust List" for the structure; wincrypt.h, mscat.h and wintrust.h for the object identifiers and
flags; https://learn.microsoft.com/en-us/windows-hardware/drivers/install/catalog-files for what it is for. The attributes that
are not documented (OSAttr, File, OS, HWID1) have the form that catalogues made by Inf2Cat show.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from driverpack import der, pe
from driverpack.errors import PackageError

SIGNED_DATA = "1.2.840.113549.1.7.2"
SHA256 = "2.16.840.1.101.3.4.2.1"
CTL = "1.3.6.1.4.1.311.10.1"  # szOID_CTL
CATALOG_LIST = "1.3.6.1.4.1.311.12.1.1"  # szOID_CATALOG_LIST
CATALOG_MEMBER_2 = "1.3.6.1.4.1.311.12.1.3"  # szOID_CATALOG_LIST_MEMBER2: members are named by their SHA-256
NAME_VALUE = "1.3.6.1.4.1.311.12.2.1"  # CAT_NAMEVALUE_OBJID
MEMBER_INFO_2 = "1.3.6.1.4.1.311.12.2.3"  # CAT_MEMBERINFO2_OBJID
INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"  # SPC_INDIRECT_DATA_OBJID
PE_IMAGE_DATA = "1.3.6.1.4.1.311.2.1.15"  # SPC_PE_IMAGE_DATA_OBJID
FLAT_DATA = "1.3.6.1.4.1.311.2.1.25"  # SPC_CAB_DATA_OBJID, which catalogues use for every file that is no image

# CRYPTCAT_ATTR_AUTHENTICATED | CRYPTCAT_ATTR_DATAASCII | CRYPTCAT_ATTR_NAMEASCII
ATTRIBUTE_FLAGS = 0x10010001
OS_ATTRIBUTE = "2:10.0"  # platform NT, version 10.0: Windows 10 and 11
IMAGE_SUFFIXES = {".sys", ".dll", ".exe"}


@dataclass(frozen=True)
class Member:
    """A file of the package."""

    name: str
    data: bytes

    @property
    def is_image(self) -> bool:
        """Is it hashed as a PE image (without what a signature changes), or as it is?"""
        return PurePath(self.name).suffix.lower() in IMAGE_SUFFIXES

    @property
    def digest(self) -> bytes:
        """The SHA-256 under which the catalogue lists it."""
        return pe.authenticode_sha256(self.data) if self.is_image else hashlib.sha256(self.data).digest()


def name_value(name: str, text: str) -> bytes:
    """CatNameValue: the text is UTF-16 with a terminator, whatever the flags say of it."""
    return der.sequence(der.bmp_string(name), der.integer(ATTRIBUTE_FLAGS), der.octets(text.encode("utf-16-le") + b"\0\0"))


def attribute(identifier: str, content: bytes) -> bytes:
    """An attribute with one value."""
    return der.sequence(der.oid(identifier), der.set_of(content))


def indirect_data(member: Member) -> bytes:
    """SpcIndirectDataContent: what kind of thing was hashed, how, and the hash. Its links to a file are empty."""
    no_file = der.explicit(2, der.implicit(0))
    if member.is_image:
        # SpcPeImageData with the flags of its default (all of the image counts)
        kind = der.sequence(der.oid(PE_IMAGE_DATA), der.sequence(der.bit_string(b"\xa0", 5), der.explicit(0, no_file)))
    else:
        kind = der.sequence(der.oid(FLAT_DATA), no_file)
    return der.sequence(kind, der.sequence(der.sequence(der.oid(SHA256), der.null()), der.octets(member.digest)))


def trusted_subject(member: Member) -> bytes:
    """The entry of one file."""
    return der.sequence(
        der.octets(member.digest),
        der.set_of(
            attribute(MEMBER_INFO_2, der.implicit(0 if member.is_image else 2)),
            attribute(NAME_VALUE, name_value("OSAttr", OS_ATTRIBUTE)),
            attribute(NAME_VALUE, name_value("File", member.name)),
            attribute(INDIRECT_DATA, indirect_data(member)),
        ),
    )


def extensions(architectures: Sequence[str], hardware_ids: Sequence[str]) -> bytes:
    """What is said of the package as a whole: the systems, and the hardware that it is for."""
    pairs = [("OS", ",".join(f"_v100_{architecture.upper()}" for architecture in architectures))]
    pairs += [(f"HWID{number}", identifier.lower()) for number, identifier in enumerate(hardware_ids, 1)]
    return der.sequence(*(der.sequence(der.oid(NAME_VALUE), der.octets(name_value(*pair))) for pair in pairs))


def build(
    members: Sequence[Member], hardware_ids: Sequence[str], moment: datetime.datetime, architectures: Sequence[str] = ("X64",)
) -> bytes:
    """An unsigned catalogue. The same input gives the same bytes: the list's identifier is made from its members."""
    digests = sorted(member.digest for member in members)
    if len(set(digests)) != len(digests):
        raise PackageError("two files of the package are the same: a catalogue lists each content once; leave one out")
    trust_list = der.sequence(
        der.sequence(der.oid(CATALOG_LIST)),
        der.octets(hashlib.sha256(b"".join(digests)).digest()[:16]),
        der.utc_time(moment),
        der.sequence(der.oid(CATALOG_MEMBER_2), der.null()),
        der.sequence(*(trusted_subject(member) for member in sorted(members, key=lambda member: member.digest))),
        der.explicit(0, extensions(architectures, hardware_ids)),
    )
    content = der.sequence(der.oid(CTL), der.explicit(0, trust_list))
    signed_data = der.sequence(der.integer(1), der.set_of(), content, der.set_of())
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, signed_data))

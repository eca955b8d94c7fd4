#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flatten the kernel's PE behind its multiboot header, with the symbol table behind the image.

Layout of kernel.bin (physical = file offset + 0x10F000): one page with the section .boot (multiboot 1 header and 32-bit
entry), then the PE as it lies in memory (headers first, so that the export directory is found at the image base), then the
symbols: u32 magic 'KSYM', u32 count, u32 size of names, count pairs of {u32 rva, u32 name offset}, names. The kernel finds
them through KiSymbolLocation.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

PAGE = 0x1000
BOOT_SECTION = b".boot\0\0\0"


def symbols(data: bytes, sections: list[tuple[bytes, int]], pointer: int, count: int) -> bytes:
    """Build the KSYM table from the COFF symbol table."""
    strings = pointer + count * 18
    found: dict[int, bytes] = {}
    i = 0
    while i < count:
        name, value, section, kind, storage, aux = struct.unpack_from("<8sIhHBB", data, pointer + i * 18)
        i += 1 + aux
        if section <= 0 or storage not in (2, 3):
            continue
        if name[:4] == b"\0\0\0\0":
            start = strings + struct.unpack_from("<I", name, 4)[0]
            text = data[start : data.index(b"\0", start)]
        else:
            text = name.rstrip(b"\0")
        section_name, section_rva = sections[section - 1]
        if text.startswith(b".") or section_name.startswith((b".debug", b"/")) or section_name in (b".idata", b".edata"):
            continue
        if section_name != b".text":
            continue
        if kind == 0x20 or section_rva + value not in found:
            found[section_rva + value] = text
    names = bytearray()
    table = bytearray()
    for rva in sorted(found):
        table += struct.pack("<II", rva, len(names))
        names += found[rva] + b"\0"
    return b"KSYM" + struct.pack("<II", len(found), len(names)) + bytes(table) + bytes(names)


def main() -> int:
    """Read the PE named first, write the flat image named second."""
    data = Path(sys.argv[1]).read_bytes()
    pe = struct.unpack_from("<I", data, 0x3C)[0]
    section_count, _, symbol_pointer, symbol_count, optional_size = struct.unpack_from("<HIIIH", data, pe + 6)
    headers_size = struct.unpack_from("<I", data, pe + 24 + 60)[0]
    flat = bytearray(data[:headers_size])
    boot = b""
    sections: list[tuple[bytes, int]] = []
    for i in range(section_count):
        header = pe + 24 + optional_size + i * 40
        name, virtual_size, rva, raw_size, raw = struct.unpack_from("<8sIIII", data, header)
        sections.append((name.rstrip(b"\0"), rva))
        if name.startswith((b".debug", b"/")):
            continue
        content = data[raw : raw + min(raw_size, virtual_size)] if raw else b""
        if name == BOOT_SECTION:
            boot = content
            continue
        if rva % PAGE:
            print(f"section {name!r} is not page aligned", file=sys.stderr)
            return 1
        flat.extend(bytes(rva - len(flat)) if rva > len(flat) else b"")
        flat.extend(content + bytes(virtual_size - len(content)))
    if not boot or len(boot) > PAGE:
        print(f"section .boot has {len(boot)} bytes, expected 1..{PAGE}", file=sys.stderr)
        return 1
    flat.extend(bytes(-len(flat) % PAGE))
    table = symbols(data, sections, symbol_pointer, symbol_count)
    marker = flat.find(b"KSYMBOLSIZE\0\0\0\0\0")
    if marker < 0:
        print("the kernel has no KSYMBOLSIZE marker", file=sys.stderr)
        return 1
    struct.pack_into("<II", flat, marker + 16, len(flat), len(table))
    image = boot + bytes(PAGE - len(boot)) + flat + table
    Path(sys.argv[2]).write_bytes(image + bytes(-len(image) % PAGE))
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: MIT
"""Rules for what an INF writes into the registry."""

from __future__ import annotations

import re
from collections.abc import Iterator

from driverpack.inf import Entry, Inf
from driverpack.rules.models import install_sections, is_extension
from driverpack.rules.rule import Problems, rule

ADDREG_PAGE = "install/inf-addreg-directive"
ROOTS = {"hkcr", "hkcu", "hklm", "hku", "hkr"}
BINARY, NO_CLOBBER, DELETE, APPEND, KEY_ONLY, OVERWRITE_ONLY = 1, 2, 4, 8, 0x10, 0x20
TYPES = {0x00000, 0x10000, 0x20000, 0x00001, 0x10001, 0x20001, 0xB0001}  # SZ, MULTI_SZ, EXPAND_SZ, BINARY, DWORD, NONE, QWORD
DWORD = 0x10001
MODIFIERS = NO_CLOBBER | DELETE | APPEND | KEY_ONLY | OVERWRITE_ONLY | 0x4000 | 0x8000 | 0x2000 | 0x1000
# Owner, group, then a DACL with at least one entry, then perhaps a SACL; "Security Descriptor String Format".
SDDL = re.compile(r"([OG]:[\w-]+)*D:(P|AI|AR)*(\([A-Z]*;[A-Z]*;[\w]*;[\w{}-]*;[\w{}-]*;[\w-]+\))+(S:.*)?")


def directives(inf: Inf, name: str) -> Iterator[tuple[Entry, str]]:
    """Each section that an AddReg or DelReg directive names, also of service install sections: the directive, the name."""
    for section in list(inf.sections.values()):
        for entry in section.all(name):
            for value in entry.values:
                yield entry, value


def lines(inf: Inf) -> Iterator[Entry]:
    """All lines of add-registry sections, each once."""
    seen: set[int] = set()
    for _, name in directives(inf, "AddReg"):
        for entry in inf.entries(name):
            if entry.line not in seen:
                seen.add(entry.line)
                yield entry


def flags(inf: Inf, entry: Entry) -> int | None:
    """The flags of a line; None if they are no number."""
    text = inf.expand(entry.value(3)) or "0"
    try:
        return int(text, 0)
    except ValueError:
        return None


@rule("1203")
def registry_sections_exist(inf: Inf) -> Problems:
    """AddReg and DelReg name sections that are there (1220 if an included INF may have them)."""
    for directive in ("AddReg", "DelReg"):
        for entry, name in directives(inf, directive):
            if not inf.section(name) and not includes(inf):
                yield entry.line, f"Section [{name}] not found"


@rule("1220")
def included_sections(inf: Inf) -> Problems:
    """A section of an included INF is reached by Needs only."""
    for entry, name in directives(inf, "AddReg"):
        if not inf.section(name) and includes(inf):
            yield entry.line, f"Cannot directly reference section [{name}] defined in an included INF: use Needs"


def includes(inf: Inf) -> bool:
    """Does any section include another INF?"""
    return any(section.all("Include") for section in inf.sections.values())


@rule("1221")
def not_the_services_key(inf: Inf) -> Problems:
    """Values of a service go by HKR."""
    for entry in lines(inf):
        if re.match(r"system\\currentcontrolset\\services\b", inf.expand(entry.value(1)), re.I):
            yield entry.line, "Cannot modify services regkey, must use HKR"


@rule("1303")
def no_coinstallers(inf: Inf) -> Problems:
    """Co-installers are gone."""
    for entry in lines(inf):
        if entry.value(2).lower() == "coinstallers32":
            yield entry.line, "Found legacy operation defining co-installers"


@rule("1304")
def relative_root(inf: Inf) -> Problems:
    """A driver writes below its own keys only: HKR."""
    for entry in lines(inf):
        if entry.value(0).lower() != "hkr":
            yield entry.line, f"Found legacy operation using non-relative key ({entry.value(0) or 'no root'}); use HKR"


@rule("1305")
def no_append(inf: Inf) -> Problems:
    """Nothing is appended to somebody else's REG_MULTI_SZ."""
    for entry in lines(inf):
        if (flags(inf, entry) or 0) & APPEND:
            yield entry.line, "Found legacy operation using appendable multi-sz value"


@rule("addreg-flags", ADDREG_PAGE)
def known_flags(inf: Inf) -> Problems:
    """Flags name a type that there is."""
    for entry in lines(inf):
        number = flags(inf, entry)
        if number is None or number & ~MODIFIERS & 0xFFFFFFFF not in TYPES:
            yield entry.line, f"'{entry.value(3)}' is no combination of registry flags"


@rule("addreg-value", ADDREG_PAGE)
def numbers_are_numbers(inf: Inf) -> Problems:
    """A REG_DWORD's value is a number of 32 bits."""
    for entry in lines(inf):
        if (flags(inf, entry) or 0) & ~MODIFIERS == DWORD:
            text = inf.expand(entry.value(4))
            if not re.fullmatch(r"0x[0-9a-fA-F]{1,8}|\d{1,10}", text) or int(text, 0) > 0xFFFFFFFF:
                yield entry.line, f"'{text}' is no value for a REG_DWORD"


@rule("device-security", "kernel/controlling-device-access")
def security_is_sddl(inf: Inf) -> Problems:
    """HKR,,Security is a security descriptor string with a DACL."""
    for entry in lines(inf):
        if entry.value(2).lower() == "security" and not entry.value(1) and not SDDL.fullmatch(inf.expand(entry.value(4))):
            yield entry.line, f"'{entry.value(4)}' is no security descriptor with a DACL, such as D:P(A;;GA;;;SY)(A;;GA;;;BA)"


@rule("device-security", "kernel/controlling-device-access")
def devices_are_protected(inf: Inf) -> Problems:
    """Each device gets a security descriptor; without one its class's default counts, which may let everybody in."""
    for line, install, decoration in install_sections(inf):
        if not decoration or not inf.section(install) or is_extension(inf):
            continue
        hardware = inf.section(f"{install}.HW")
        names = [value for entry in hardware.all("AddReg") for value in entry.values] if hardware else []
        values = [entry for name in names for entry in inf.entries(name)]
        if not any(entry.value(2).lower() == "security" and not entry.value(1) for entry in values):
            yield line, f"[{install}.HW] sets no security descriptor (HKR,,Security) for the device"


@rule("1331")
def one_value_a_name(inf: Inf) -> Problems:
    """Outside HKR one value is set to one thing."""
    values: dict[tuple[str, str, str], str] = {}
    for entry in lines(inf):
        key = (entry.value(0).lower(), inf.expand(entry.value(1)).lower(), entry.value(2).lower())
        text = ",".join(entry.values[4:])
        both = f"'{values.get(key)}' and '{text}'"
        if key[0] != "hkr" and values.setdefault(key, text) != text:
            yield (
                entry.line,
                f"Cannot set registry value '{entry.value(1)}\\{entry.value(2)}' to different data ({both})",
            )

# SPDX-License-Identifier: MIT
"""Rules for the file as a whole and for [Version]."""

from __future__ import annotations

import datetime
import re

from driverpack.inf import TOKEN, Inf
from driverpack.rules.rule import Problems, rule

VERSION_PAGE = "install/inf-version-section"
GUID = re.compile(r"\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}")
# System-defined setup classes that packages here may use; https://…/install/system-defined-device-setup-classes-available-to-vendors
CLASSES = {
    "extension": "{e2f84ce7-8efa-411c-aa69-97454ca4cb57}",
    "system": "{4d36e97d-e325-11ce-bfc1-08002be10318}",
    "usb": "{36fc9e60-c465-11cf-8056-444553540000}",
    "net": "{4d36e972-e325-11ce-bfc1-08002be10318}",
    "hidclass": "{745a17a0-74d3-11d0-b6fe-00a0c90f57da}",
    "ports": "{4d36e978-e325-11ce-bfc1-08002be10318}",
}


def line_of(inf: Inf, key: str) -> int:
    """The line of a directive in [Version], or of the section, or the first."""
    section = inf.section("Version")
    if section is None:
        return 1
    entry = section.first(key)
    return entry.line if entry else section.line


@rule("syntax", "install/general-syntax-rules-for-inf-files")
def lines_are_inf(inf: Inf) -> Problems:
    """Every line is a section, an entry or a comment."""
    for problem in inf.problems:
        yield problem.line, problem.message


@rule("1001")
def signature(inf: Inf) -> Problems:
    """[Version] with the signature of Windows NT."""
    if inf.version("Signature").lower() != "$windows nt$":
        yield line_of(inf, "Signature"), f"[Version] must have Signature = \"$WINDOWS NT$\"; it is '{inf.version('Signature')}'"


@rule("1204")
def provider_is_not_microsoft(inf: Inf) -> Problems:
    """Provider says who made it, and that is not Microsoft."""
    if "microsoft" in inf.version("Provider").lower():
        yield line_of(inf, "Provider"), "Provider cannot be Microsoft"


@rule("version-provider", VERSION_PAGE)
def provider_is_given(inf: Inf) -> Problems:
    """Provider is required."""
    if not inf.version("Provider"):
        yield line_of(inf, "Provider"), "[Version] must name a Provider"


@rule("version-class", VERSION_PAGE)
def setup_class(inf: Inf) -> Problems:
    """Class and ClassGuid are required and belong together."""
    name, guid = inf.version("Class").lower(), inf.version("ClassGuid").lower()
    if not name or not GUID.fullmatch(guid):
        yield line_of(inf, "ClassGuid"), f"[Version] must have Class and ClassGuid; they are '{name}' and '{guid}'"
    elif CLASSES.get(name, guid) != guid:
        yield line_of(inf, "ClassGuid"), f"ClassGuid of class {name} is {CLASSES[name]}, not {guid}"


@rule("1217", "install/inf-driverver-directive")
def driver_version(inf: Inf) -> Problems:
    """DriverVer = mm/dd/yyyy,w.x.y.z with parts up to 65535, not in the future of the calendar's sense."""
    date, _, version = (part.strip() for part in inf.version("DriverVer").partition(","))
    try:
        datetime.datetime.strptime(date, "%m/%d/%Y")
    except ValueError:
        yield line_of(inf, "DriverVer"), f"DriverVer must begin with a date as mm/dd/yyyy; it begins with '{date}'"
    parts = version.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) <= 65535 for part in parts):
        yield (
            line_of(inf, "DriverVer"),
            f"Invalid driver version ({version}), expecting w.x.y.z, where each segment is between 0-65535",
        )


@rule("1233")
def catalog_file(inf: Inf) -> Problems:
    """A package without catalogue cannot be signed."""
    if not inf.version("CatalogFile").lower().endswith(".cat"):
        yield line_of(inf, "CatalogFile"), "Missing directive CatalogFile required for digital signature"


@rule("pnp-lockdown", VERSION_PAGE)
def pnp_lockdown(inf: Inf) -> Problems:
    """PnpLockdown = 1 protects the driver's files from being changed after installation."""
    if inf.version("PnpLockdown") != "1":
        yield line_of(inf, "PnpLockdown"), "[Version] must have PnpLockdown = 1"


@rule("1235")
def string_tokens(inf: Inf) -> Problems:
    """Each %token% has a string; directory numbers and %% stand for themselves."""
    for section in inf.sections.values():
        for entry in section.entries:
            for token in TOKEN.findall(",".join((entry.key, *entry.values))):
                if token and not re.fullmatch(r"-?\d+", token) and token.lower() not in inf.strings:
                    yield entry.line, f"String token '{token}' not defined in [Strings]"


@rule("strings-twice", "install/inf-strings-section")
def strings_once(inf: Inf) -> Problems:
    """A token has one string."""
    seen: set[str] = set()
    for entry in inf.entries("Strings"):
        if entry.key.lower() in seen:
            yield entry.line, f"String token '{entry.key}' is defined twice"
        seen.add(entry.key.lower())

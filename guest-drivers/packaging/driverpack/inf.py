# SPDX-License-Identifier: MIT
"""Reading INF files.

Source: https://learn.microsoft.com/en-us/windows-hardware/drivers/install/general-syntax-rules-for-inf-files
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(r"%([^%]*)%")


@dataclass(frozen=True)
class Entry:
    """One line of a section: `key = value, value` or `value, value` (then key is empty).

    Quotes and comments are gone, %tokens% are not replaced.
    """

    line: int
    key: str
    values: tuple[str, ...]

    def value(self, index: int) -> str:
        """A value by its place; empty when there are fewer."""
        return self.values[index] if index < len(self.values) else ""


@dataclass
class Section:
    """A section; sections of the same name are one, as Windows sees them."""

    name: str
    line: int
    entries: list[Entry] = field(default_factory=list)

    def all(self, key: str) -> list[Entry]:
        """The entries with this key, in any case."""
        return [entry for entry in self.entries if entry.key.lower() == key.lower()]

    def first(self, key: str) -> Entry | None:
        """The entry that counts when a directive may be given once only."""
        return next(iter(self.all(key)), None)


@dataclass(frozen=True)
class SyntaxProblem:
    """A line that is no INF."""

    line: int
    message: str


def strip_comment(text: str) -> str:
    """The text before the first semicolon that is not inside quotes."""
    quoted = False
    for index, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == ";" and not quoted:
            return text[:index]
    return text


def split_outside_quotes(text: str, separator: str, most: int = 0) -> list[str]:
    """Split at separators that are not inside quotes, at most `most` times (0: at all of them)."""
    parts = [""]
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == separator and not quoted and not (most and len(parts) > most):
            parts.append("")
        else:
            parts[-1] += character
    return parts


def unquote(text: str) -> str:
    """A value without its quotes and the blanks outside them; a doubled quote stands for one."""
    text = text.strip()
    if len(text) >= 2 and text.startswith('"') and text.endswith('"'):
        return text[1:-1].replace('""', '"')
    return text


class Inf:
    """A parsed INF. Section names and keys are looked up in any case."""

    def __init__(self, text: str, name: str = "driver.inf") -> None:
        """Parse the text; problems of syntax are collected, not raised."""
        self.name = name
        self.sections: dict[str, Section] = {}
        self.problems: list[SyntaxProblem] = []
        self._parse(text)
        self.strings = {entry.key.lower(): entry.value(0) for entry in self.entries("Strings") if entry.key}

    @classmethod
    def read(cls, path: Path) -> Inf:
        """Read a file: UTF-16 with a byte order mark, or text."""
        return cls(decode(path.read_bytes()), path.name)

    def _parse(self, text: str) -> None:
        current: Section | None = None
        pending = ""
        for number, raw in enumerate(text.splitlines(), 1):
            line = (pending + strip_comment(raw)).strip()
            pending = ""
            if line.endswith("\\") and line.count('"') % 2 == 0:  # continued on the next line
                pending = line[:-1]
                continue
            if not line:
                continue
            if line.startswith("["):
                current = self._section(line, number)
            elif current is None:
                self.problems.append(SyntaxProblem(number, f"'{line}' stands before the first [section]"))
            elif line.count('"') % 2:
                self.problems.append(SyntaxProblem(number, f"a quote is opened and not closed: {line}"))
            else:
                current.entries.append(self._entry(line, number))

    def _section(self, line: str, number: int) -> Section | None:
        if not line.endswith("]") or not line[1:-1].strip():
            self.problems.append(SyntaxProblem(number, f"'{line}' is no section name: expected [name]"))
            return None
        name = line[1:-1].strip()
        return self.sections.setdefault(name.lower(), Section(name, number))

    @staticmethod
    def _entry(line: str, number: int) -> Entry:
        parts = split_outside_quotes(line, "=", 1)
        key = unquote(parts[0]) if len(parts) == 2 else ""
        values = tuple(unquote(value) for value in split_outside_quotes(parts[-1], ","))
        return Entry(number, key, values)

    def section(self, name: str) -> Section | None:
        """A section by name."""
        return self.sections.get(name.lower())

    def entries(self, name: str) -> list[Entry]:
        """The entries of a section; none if it is not there."""
        section = self.section(name)
        return section.entries if section else []

    def expand(self, text: str) -> str:
        """Replace %tokens% by their strings; directory numbers and unknown tokens stay as they are, %% is one percent sign."""

        def replace(match: re.Match[str]) -> str:
            token = match.group(1)
            return "%" if not token else self.strings.get(token.lower(), match.group())

        return TOKEN.sub(replace, text)

    def version(self, key: str) -> str:
        """A directive of [Version], expanded; empty when it is not there."""
        section = self.section("Version")
        entry = section.first(key) if section else None
        return self.expand(",".join(entry.values)) if entry else ""

    def models(self) -> Iterator[tuple[Entry, str, str]]:
        """Each models section that [Manufacturer] names: the entry, its full name, its TargetOSVersion decoration ("": none)."""
        for entry in self.entries("Manufacturer"):
            name = entry.value(0)
            for decoration in entry.values[1:] or ("",):
                yield entry, f"{name}.{decoration}" if decoration else name, decoration

    def devices(self) -> Iterator[tuple[Entry, str, tuple[str, ...], str]]:
        """Each device: its entry, its install section, its hardware and compatible ids, the decoration of its models section."""
        for _, section, decoration in self.models():
            for entry in self.entries(section):
                yield entry, entry.value(0), tuple(value for value in map(self.expand, entry.values[1:]) if value), decoration

    def architectures(self) -> set[str]:
        """The architectures of all models and DefaultInstall sections, as their decorations begin, in lower case."""
        decorations = [decoration for _, _, decoration in self.models()]
        decorations += [name.partition(".")[2] for name in self.sections if name.startswith("defaultinstall.")]
        return {decoration.split(".")[0].lower() for decoration in decorations if decoration}

    def hardware_ids(self) -> list[str]:
        """All ids that the INF matches, in order, each once, in lower case."""
        return list(dict.fromkeys(identifier.lower() for _, _, ids, _ in self.devices() for identifier in ids))

    def source_files(self) -> list[str]:
        """The files of [SourceDisksFiles] with and without architecture, each once."""
        names = [section for section in self.sections if section.split(".")[0] == "sourcedisksfiles"]
        return list(dict.fromkeys(entry.key for name in names for entry in self.sections[name].entries if entry.key))


def decode(data: bytes) -> str:
    """The text of an INF file."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    return data.decode("utf-8-sig", "replace")

# SPDX-License-Identifier: MIT
"""YAML with places: every value knows its file and line, and a key that nobody reads is an error.

PyYAML's node graph is kept instead of plain dictionaries, because a message without a line number is no message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from orchestrator.base.errors import BadInput

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_VARIABLE = re.compile(r"\$\(([\w-]+)\)")


def nearest(word: str, known: list[str]) -> str:
    """`; did you mean 'x'?` when one of the known words is near, else nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


class Node:
    """A YAML value and where it stands."""

    def __init__(self, node: yaml.Node, path: Path, name: str) -> None:
        self._node = node
        self._path = path
        self.name = name

    @property
    def place(self) -> str:
        """`file:line`."""
        return f"{self._path}:{self._node.start_mark.line + 1}"

    def fail(self, problem: str, remedy: str | None = None) -> NoReturn:
        """Raise BadInput that begins with the place."""
        raise BadInput(f"{self.place}: {problem}", remedy)

    @property
    def kind(self) -> str:
        """`mapping`, `list` or `value`."""
        if isinstance(self._node, yaml.MappingNode):
            return "mapping"
        return "list" if isinstance(self._node, yaml.SequenceNode) else "value"

    def _expect(self, kind: str) -> None:
        if self.kind != kind:
            self.fail(f"{self.name} must be a {kind}, but is a {self.kind}")

    def substitute(self, values: Mapping[str, str]) -> None:
        """Put the values in the place of `$(name)`, in everything below. Raises BadInput for a name without a value."""
        self._substitute(self._node, values, set())

    def _substitute(self, node: yaml.Node, values: Mapping[str, str], done: set[int]) -> None:
        if id(node) in done:
            return  # an anchor that is used twice is one node
        done.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            self._substitute_scalar(node, values)
        else:
            for entry in node.value:
                for each in entry if isinstance(entry, tuple) else (entry,):
                    self._substitute(each, values, done)

    def _substitute_scalar(self, node: yaml.ScalarNode, values: Mapping[str, str]) -> None:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name not in values:
                known = list(values)
                Node(node, self._path, name).fail(
                    f"there is no variable {name!r}{nearest(name, known)}", f"Known: {', '.join(known) or 'none'}."
                )
            return values[name]

        text = _VARIABLE.sub(value, node.value)
        if text != node.value:
            node.value = text
            # `times: $(times)` is a number when its value is one.
            node.tag = _Loader("").resolve(yaml.ScalarNode, text, (not node.style, True))

    # Mappings

    def pairs(self) -> Iterator[tuple[str, Node]]:
        """Key and value of a mapping, in the file's order. A key given twice is an error."""
        self._expect("mapping")
        seen: set[str] = set()
        for key, value in self._node.value:
            if key.value in seen:
                Node(key, self._path, key.value).fail(f"{key.value!r} stands twice in {self.name}")
            seen.add(key.value)
            yield str(key.value), Node(value, self._path, str(key.value))

    def only(self, *known: str) -> None:
        """Raise BadInput for the first key that is not one of `known`, with the nearest and the list."""
        self._expect("mapping")
        for key, _ in self._node.value:
            if key.value not in known:
                Node(key, self._path, self.name).fail(
                    f"unknown key {key.value!r} in {self.name}{nearest(str(key.value), list(known))}",
                    f"Valid keys: {', '.join(known)}.",
                )

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None when it is absent."""
        return next((value for name, value in self.pairs() if name == key), None)

    def need(self, key: str) -> Node:
        """The value of `key`; BadInput when it is absent."""
        value = self.get(key)
        if value is None:
            self.fail(f"{self.name} needs the key {key!r}")
        return value

    def get_map(self, key: str) -> Iterator[tuple[str, Node]]:
        """The pairs of the mapping at `key`; none when it is absent."""
        value = self.get(key)
        return value.pairs() if value else iter(())

    # Lists

    def items(self) -> Iterator[Node]:
        """The entries of a list."""
        self._expect("list")
        for index, entry in enumerate(self._node.value, 1):
            yield Node(entry, self._path, f"entry {index} of {self.name}")

    # Values

    def scalar(self) -> Any:
        """The value as YAML understands it: text, number, truth value or None."""
        self._expect("value")
        loader = _Loader("")
        try:
            return loader.construct_object(self._node)
        finally:
            loader.dispose()

    def plain(self) -> Any:
        """The value with everything in it as plain Python objects."""
        if self.kind == "mapping":
            return {key: value.plain() for key, value in self.pairs()}
        if self.kind == "list":
            return [entry.plain() for entry in self.items()]
        return self.scalar()

    def empty(self) -> bool:
        """Nothing stands after the colon."""
        return self.kind == "value" and self.scalar() is None

    def nothing(self) -> Node:
        """An empty value that stands at the same place."""
        mark = self._node.start_mark
        return Node(yaml.ScalarNode("tag:yaml.org,2002:null", "", mark, mark), self._path, self.name)

    def text(self) -> str:
        """A non-empty text, exactly as written."""
        self._expect("value")
        if not self._node.value:
            self.fail(f"{self.name} must not be empty")
        return str(self._node.value)

    def choice(self, *known: str) -> str:
        """A text that is one of `known`."""
        text = self.text()
        if text not in known:
            self.fail(f"{self.name} cannot be {text!r}{nearest(text, list(known))}", f"Valid: {', '.join(known)}.")
        return text

    def flag(self) -> bool:
        """true or false."""
        value = self.scalar()
        if not isinstance(value, bool):
            self.fail(f"{self.name} must be true or false, but is {value!r}")
        return value

    def whole(self, least: int = 0) -> int:
        """A whole number (decimal or 0x…) of at least `least`."""
        value = self.scalar()
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.fail(f"{self.name} must be a whole number of at least {least}, but is {value!r}")
        return value

    def seconds(self) -> float:
        """A time: `5 s`, `20 ms`, or a number of seconds."""
        text = self.text().replace(" ", "")
        for suffix, factor in (("ms", 1e-3), ("s", 1.0), ("", 1.0)):
            if text.endswith(suffix):
                try:
                    value = float(text.removesuffix(suffix)) * factor
                except ValueError:
                    break
                if value > 0:
                    return value
                break
        return self.fail(f"{self.name} must be a time such as `5 s` or `20 ms`, but is {text!r}")


def load(path: Path) -> Node:
    """The document in the file. Raises BadInput when it cannot be read or is no YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}:{line}: not valid YAML: {error.problem}") from error
    if node is None:
        raise BadInput(f"{path}: is empty")
    return Node(node, path, "the file")

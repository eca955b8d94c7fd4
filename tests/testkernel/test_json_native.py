# SPDX-License-Identifier: MIT
"""The kernel's JSON parser and writer, run natively with sanitizers: what Python says is what the agent must say."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).resolve().parent
KERNEL = HERE.parents[1] / "images" / "testkernel"


@pytest.fixture(scope="session")
def json_tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The round-trip tool, compiled with the host's compiler and sanitizers."""
    tool = tmp_path_factory.mktemp("json") / "json_tool"
    sources = [HERE / "native" / "json_tool.c", KERNEL / "agent/json_parser.c", KERNEL / "agent/json_writer.c"]
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = ["gcc", *flags, f"-I{KERNEL}", "-o", str(tool)]
    subprocess.run([*command, *map(str, sources)], check=True)
    return tool


def run(tool: Path, text: bytes, room: int = 65536) -> tuple[int, str]:
    """Exit code and output of the tool on one input; a sanitizer report fails the test."""
    command = [str(tool), str(room)]
    no_leaks = {"ASAN_OPTIONS": "detect_leaks=0"}  # only the tool itself uses the heap
    done = subprocess.run(command, input=text, capture_output=True, timeout=20, check=False, env=no_leaks)
    assert not done.stderr, done.stderr.decode()
    return done.returncode, done.stdout.decode()


names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)  # member names are C strings
integers = st.integers(min_value=-(2**63), max_value=2**63 - 1)
values = st.recursive(
    st.none() | st.booleans() | integers | st.text(max_size=20),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(names, children, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(value=values, ascii_only=st.booleans())
def test_a_value_survives_parser_and_writer(json_tool: Path, value: object, ascii_only: bool) -> None:
    code, out = run(json_tool, json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    assert (code, json.loads(out)) == (0, value)


@settings(max_examples=60, deadline=None)
@given(text=st.binary(max_size=40) | st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\u ', max_size=40).map(str.encode))
def test_no_input_crashes_the_parser(json_tool: Path, text: bytes) -> None:
    assert run(json_tool, text)[0] in (0, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "a value is missing"),
        (b'{"a" 1}', "a colon is missing"),
        (b'{"a":1', "a comma or a closing bracket is missing"),
        (b"[1,]", "a value is missing"),
        (b'"abc', "a string does not end"),
        (b'"\\x"', "wrong escape"),
        (b"nul", "unknown word"),
        (b"1 2", "text after the value"),
        (b"[" * 100, "nested too deeply"),
        (b'{"execute":"x"}}', "text after the value"),
    ],
)
def test_bad_input_says_what_is_wrong(json_tool: Path, text: bytes, complaint: str) -> None:
    code, out = run(json_tool, text)
    assert code == 1
    assert complaint in out


def test_a_writer_without_room_says_so_and_stays_inside(json_tool: Path) -> None:
    assert run(json_tool, b'{"a":[1,2,3,4,5,6,7,8,9]}', room=8) == (2, "overflow\n")

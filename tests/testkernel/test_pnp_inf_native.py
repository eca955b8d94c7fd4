# SPDX-License-Identifier: MIT
"""The kernel's INF parser, run natively with sanitizers: which driver a device gets, by Microsoft's ranking."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
KERNEL = REPOSITORY / "images" / "testkernel"

INF = (HERE / "native" / "ranking.inf").read_text()


@pytest.fixture(scope="session")
def inf_tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tool = tmp_path_factory.mktemp("inf") / "inf_tool"
    sources = [HERE / "native" / "inf_tool.c", KERNEL / "pnp/inf.c", KERNEL / "pnp/infmatch.c"]
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", *flags, f"-I{KERNEL}", "-o", str(tool), *map(str, sources)], check=True)
    return tool


@pytest.fixture
def run(inf_tool: Path, tmp_path: Path) -> Callable[..., list[list[str]]]:
    """Runs the tool on an INF text; a sanitizer report fails the test."""

    def call(verb: str, content: str | bytes, *arguments: str) -> list[list[str]]:
        file = tmp_path / "x.inf"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        done = subprocess.run([inf_tool, verb, file, *arguments], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    return call


def test_the_more_specific_hardware_id_wins(run: Callable[..., list[list[str]]]) -> None:
    ids = "PCI\\VEN_1234&DEV_B0DD&REV_01|PCI\\VEN_1234&DEV_B0DD"
    [match] = run("match", INF, ids)
    assert match == ["0", "Install.NT", "The special one", "PCI\\VEN_1234&DEV_B0DD&REV_01", "owner", "Service"]


def test_a_hardware_id_beats_a_compatible_id(run: Callable[..., list[list[str]]]) -> None:
    [match] = run("match", INF, "PCI\\VEN_1234&DEV_B0DD", "PCI\\VEN_1234&DEV_B0DD&REV_01")
    assert match[2] == "The generic one"


def test_a_compatible_id_matches_when_nothing_better_does(run: Callable[..., list[list[str]]]) -> None:
    [match] = run("match", INF, "PCI\\VEN_9999", "PCI\\CC_FF|PCI\\CC_FF00")
    assert match[2:4] == ["The generic one", "PCI\\CC_FF00"]
    assert int(match[0], 16) >= 0x2000


def test_ids_compare_without_case(run: Callable[..., list[list[str]]]) -> None:
    assert run("match", INF, "pci\\ven_1234&dev_b0dd")


def test_models_for_other_systems_do_not_count(run: Callable[..., list[list[str]]]) -> None:
    assert not run("match", INF.replace("NTamd64", "NTarm64"), "PCI\\VEN_1234&DEV_B0DD")
    assert not run("match", INF.replace("NTamd64.10.0", "NTamd64.11.0"), "PCI\\VEN_1234&DEV_B0DD")


def test_an_unknown_device_gets_no_driver(run: Callable[..., list[list[str]]]) -> None:
    assert not run("match", INF, "PCI\\VEN_1234&DEV_B0DE", "PCI\\VEN_1234")


def test_quotes_strings_comments_and_continuation(run: Callable[..., list[list[str]]]) -> None:
    assert run("lines", INF, "lines") == [
        ["", "plain"],
        ["key", "one", "two, with comma ; no comment", 'a "quoted" word', "100%"],
        ["", "", "", 'say "hi"'],
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"], ids=["UTF-8 with BOM", "UTF-16LE"])
def test_encodings_of_windows_editors(run: Callable[..., list[list[str]]], encoding: str) -> None:
    assert run("match", INF.encode(encoding), "PCI\\VEN_1234&DEV_B0DD")[0][4] == "owner"
    assert run("match", INF.replace("\n", "\r\n").encode(encoding), "PCI\\VEN_1234&DEV_B0DD")[0][4] == "owner"


@pytest.mark.parametrize("driver", ["owner", "borrower", "fredbus", "toaster", "oven"])
def test_the_products_own_inf_files_name_their_service(run: Callable[..., list[list[str]]], driver: str) -> None:
    text = (REPOSITORY / "guest-drivers" / driver / f"{driver}.inf").read_text()
    [models] = run("lines", text, "Manufacturer")
    ids = [line[2] for line in run("lines", text, f"{models[1]}.{models[2]}")]
    assert ids
    for device_id in ids:
        [match] = run("match", text, device_id)
        assert match[4] == driver
        [binary] = [line for line in run("lines", text, match[5]) if line[0] == "ServiceBinary"]
        assert binary[1].endswith(f"\\{driver}.sys")


words = ["Manufacturer", "Strings", "NTamd64"]
pieces = st.sampled_from([*words, "[", "]", "=", ",", '"', "%", ";", "\\", "\n", "\r\n", " ", ".", "a", "\0", "\xff"])


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=80), st.sampled_from(["utf-8", "utf-16"]))
def test_damaged_files_are_read_without_harm(
    inf_tool: Path, tmp_path_factory: pytest.TempPathFactory, parts: list[str], encoding: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.inf"
    file.write_bytes("".join(parts).encode(encoding))
    for arguments in (["match", str(file), "a", "b"], ["lines", str(file), "Manufacturer"], ["lines", str(file), "a"]):
        done = subprocess.run([inf_tool, *arguments], capture_output=True, timeout=20, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr

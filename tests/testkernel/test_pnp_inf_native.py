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


@pytest.mark.parametrize(
    ("decorations", "chosen"),
    [
        ("NTamd64.6.1,NTamd64.10.0,NTamd64", "NTamd64.10.0"),  # the highest version that is not too high, wherever it stands
        ("NTamd64,NTamd64.6.1", "NTamd64.6.1"),
        ("NTamd64.10.0,NTamd64.10.0...14393", "NTamd64.10.0...14393"),
        ("NTamd64.10.0...22000,NTamd64.6.3", "NTamd64.6.3"),  # a build that is not reached
        ("NTamd64.6.3...99999", "NTamd64.6.3...99999"),  # a build counts only for the same version
        ("NTamd64.10.1,NTamd64.9.9", "NTamd64.9.9"),
        ("NTamd64.10.0.3,NTamd64.5.1", "NTamd64.5.1"),  # for servers
        ("NTamd64...1,NTamd64", "NTamd64...1"),  # for workstations
        ("NTamd64...1,NTamd64.5", "NTamd64.5"),  # a version takes precedence over the product type
        ("NTamd64.10.0..0x80,NTamd64", "NTamd64"),  # for the Data Center suite
        ("NT.10.0", None),  # without an architecture: x86
        ("NTamd64foo", None),
        ("NTarm64.10.0,NTx86.10.0", None),
    ],
)
def test_the_models_section_for_this_system(run: Callable[..., list[list[str]]], decorations: str, chosen: str | None) -> None:
    names = decorations.split(",")
    text = f"[Manufacturer]\nMaker = Models,{decorations}\n[Models]\nundecorated = I, A\n[I]\n"
    text += "".join(f"[Models.{name}]\n{name} = I, A\n" for name in names)
    assert [match[2] for match in run("match", text, "A")] == ([chosen] if chosen else [])


def test_an_empty_models_section_excludes_a_system(run: Callable[..., list[list[str]]]) -> None:
    text = (
        "[Manufacturer]\nMaker = Models,NTamd64.6.0,NTamd64.10.0\n[Models.NTamd64.6.0]\nold = I, A\n[I]\n[Models.NTamd64.10.0]\n"
    )
    assert not run("match", text, "A")


ODD = """[Manufacturer]
Maker = Models,NTamd64
[Models.NTamd64]
{models}
[Install]
[Install.Services]
{services}
[Service]
"""


@pytest.mark.parametrize(
    ("models", "services", "found"),
    [
        ("model = Install, A", "AddService = one, 2, Service", ["0", "one"]),
        ("model = Install, Z, A", "AddService = one, 2, Service", ["1000", "one"]),  # by a compatible ID of the INF
        ("model = Install, C", "AddService = one, 2, Service", ["2000", "one"]),  # by a compatible ID of the device
        ("model = Install, Z, Y, C", "AddService = one, 2, Service", ["3100", "one"]),  # by both
        ("model = Install, B\nmodel = Install, A", "AddService = one, 2, Service", ["0", "one"]),
        ("model = Missing, A", "AddService = one, 2, Service", None),  # no such section
        ("model = Missing, A\nmodel = Install, B", "AddService = one, 2, Service", ["1", "one"]),
        ("model = Install", "AddService = one, 2, Service", None),  # no ID
        ("model =", "AddService = one, 2, Service", None),
        ("= Install, A", "AddService = one, 2, Service", ["0", "one"]),
        ("model = Install, A*", "AddService = one, 2, Service", None),  # there are no wildcards
        ("model = Install, A", "AddService = filter,, Service\nAddService = one, 0x2, Service", ["0", "one"]),
        ("model = Install, A", "AddService = ,2", ["0", ""]),  # the NULL driver
        ("model = Install, A", "AddService = one", ["0", ""]),
        ("model = Install, A", "", ["0", ""]),
        ("model = install , a ; comment", 'ADDSERVICE = "one" , 0x00000002 , Service', ["0", "one"]),
    ],
)
def test_odd_models_and_services(
    run: Callable[..., list[list[str]]], models: str, services: str, found: list[str] | None
) -> None:
    matches = run("match", ODD.format(models=models, services=services), "A|B", "C")
    assert [[match[0], match[4]] for match in matches] == ([found] if found else [])


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        ("a = b", [["a", "b"]]),
        ("a = b\n[Other]\nx = y\n[Lines]\nc = d", [["a", "b"], ["c", "d"]]),  # a section in two parts
        ("a = b, \\\n  c, \\ ; why\n  d", [["a", "b", "c", "d"]]),
        ('path = "C:\\dir\\"\nnext', [["path", "C:\\dir\\"], ["", "next"]]),  # a backslash that is the text's
        ("path = %12%\\a.sys", [["path", "%12%\\a.sys"]]),
        ("a = %Undefined%", [["a", "%Undefined%"]]),
        ("a = %Name%x%Name%", [["a", "valuexvalue"]]),
        ("a =", [["a", ""]]),
        ("a = ,,", [["a", "", "", ""]]),
        ("a = 'b'", [["a", "'b'"]]),
        ('a = "unclosed\nb = c', [["a", "unclosed"], ["b", "c"]]),
        ("a = b", [["a", "b"]]),
        ("\t a\t=\tb c \t", [["a", "b c"]]),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_lines_as_setup_reads_them(
    run: Callable[..., list[list[str]]], lines: str, read: list[list[str]], newline: str, encoding: str
) -> None:
    text = f"[strings]\nName = value\n[Lines]\n{lines}\n[Behind]\nz = z".replace("\n", newline)
    assert run("lines", text.encode(encoding), "LINES") == read


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

# SPDX-License-Identifier: MIT
"""Wrong usage is exit code 2 with the usage in the message; a device that is not there is exit code 3."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.drivers.buddyctl.harness import BUILD, ROOT, Ask

STATUS_INVALID_PARAMETER = 0xC000000D
STATUS_NO_SUCH_DEVICE = 0xC000000E


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["version", "more"],
        ["devices", "--most"],
        ["disable"],
        ["disable", "one", "two"],
        ["exercise", "owner"],
        ["exercise", "owner", "run"],
        ["exercise", "owner", "start", "nonsense"],
        ["exercise", "owner", "stop", "mixed"],
        ["ioctl", "owner"],
        ["ioctl", "owner", "x"],
        ["ioctl", "owner", "12z"],
        ["ioctl", "owner", "-1"],
        ["ioctl", "owner", " 1"],
        ["ioctl", "owner", "0x"],
        ["ioctl", "owner", "4294967296"],
        ["ioctl", "owner", "0x100000000"],
        ["release", "-1"],
        ["ioctl", "owner", "1", "abc"],
        ["ioctl", "owner", "1", "zz"],
        ["release", "x"],
        ["settings", "owner", "TraceDetail"],
        ["settings", "owner", "TraceDetail", "high"],
        ["settings", "owner", "N" * 64, "1"],
        ["update"],
        ["update", ""],
        ["update", "owner.inf", "gently"],
        ["update", "owner.inf", "force", "more"],
        ["undock", "now"],
        ["add"],
        ["add", "PCI\\VEN_1234"],
        ["add", "ROOT\\"],
        ["add", "ROOT\\FredBus\\0000"],
        ["filter"],
        ["filter", "owner", "pnptest"],
        ["filter", "owner", "append", "pnptest"],
        ["filter", "owner", "add", ""],
        ["io"],
        ["kill", "x"],
    ],
)
def test_wrong_usage(buddyctl: Ask, arguments: list[str]) -> None:
    answer = buddyctl(*arguments)
    assert answer.code == 2
    assert answer.json["error"]["name"] == "STATUS_INVALID_PARAMETER"
    assert answer.json["error"]["code"] == STATUS_INVALID_PARAMETER
    assert answer.json["error"]["message"].startswith("usage: buddyctl ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["disable", "no-such-service"],
        ["enable", "ROOT\\NOTHING\\0000"],
        ["restart", "\\"],
        ["remove", "PCI\\VEN_1234&DEV_B0DD\\" + "x" * 300],
        ["eject", ""],
        ["exercise", "no-such-service", "status"],
        ["hold", "no-such-service"],
        ["ioctl", "no-such-service", "1"],
        ["settings", "no-such-service"],
        ["rebalance", "no-such-service"],
        ["release", "99999"],
        ["kill", "99999"],
        ["start", "no-such-service"],
        ["stop", "no-such-service"],
        ["io", "no-such-service"],
        ["filter", "no-such-service", "add", "pnptest"],
        ["settings", "Twin"],  # two devices use this service: which one?
        ["hold", 'a"b\\c\u00e4\U0001f600'],
    ],
)
def test_absent(buddyctl: Ask, arguments: list[str]) -> None:
    answer = buddyctl(*arguments)
    assert answer.code == 3
    assert answer.json["error"]["name"] == "STATUS_NO_SUCH_DEVICE"
    assert answer.json["error"]["code"] == STATUS_NO_SUCH_DEVICE


def test_the_message_says_which_device_was_asked_for(buddyctl: Ask) -> None:
    name = 'quote" \u00e4 \U0001f600'
    assert name in buddyctl("eject", name).json["error"]["message"]


def test_version(buddyctl: Ask) -> None:
    assert buddyctl("version").json == {"version": "1.0", "guest": "windows"}


def test_every_verb_of_the_contract_is_known(buddyctl: Ask) -> None:
    page = (ROOT / "docs" / "guest-interface.md").read_text()
    table = re.search(r"\| verb \|.*?\n\n", page, re.S)
    assert table
    documented = {verb for row in re.findall(r"^\| (`.+?) \|", table.group(), re.M) for verb in re.findall(r"`(\w+)`", row)}
    usage = buddyctl().json["error"]["message"]
    assert documented == set(re.findall(r"\b[a-z]+\b", re.sub(r"\[.*?\]|exercise INSTANCE \S+ \S+", " exercise ", usage))) - {
        "usage",
        "buddyctl",
        "status",
    }


def test_it_needs_only_what_windows_has(wine: object) -> None:
    program: Path = BUILD / "buddyctl" / "buddyctl.exe"
    headers = subprocess.run(
        ["x86_64-w64-mingw32-objdump", "-p", str(program)], capture_output=True, text=True, check=True
    ).stdout
    libraries = {name.lower() for name in re.findall(r"DLL Name: (\S+)", headers)}
    assert libraries <= {
        "advapi32.dll",
        "kernel32.dll",
        "msvcrt.dll",
        "newdev.dll",
        "ntdll.dll",
        "powrprof.dll",
        "rpcrt4.dll",
        "setupapi.dll",
    }


def words_of(source: Path, function: str) -> set[str]:
    """The string literals in one function of a C file that look like veto reasons."""
    body = source.read_text().split(function, 1)[1].split("\n}\n", 1)[0]
    return set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', body)) - {"veto", "by", "reason"}


def test_both_guests_and_the_contract_have_the_same_veto_reasons() -> None:
    page = (ROOT / "docs" / "guest-interface.md").read_text()
    listed = set(re.findall(r"`([a-z-]+)`", page.split("Veto reasons:")[1].split("(cfg.h")[0]))
    windows = words_of(ROOT / "guest-drivers" / "buddyctl" / "answer.c", "int FailVeto(")
    testkernel = words_of(ROOT / "images" / "testkernel" / "agent" / "buddyctl.c", "PCSTR VetoReason(")
    assert windows == listed
    assert testkernel <= listed and len(listed - testkernel) <= 1

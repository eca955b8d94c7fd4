# SPDX-License-Identifier: MIT
"""Each class of failure, provoked by a tiny guest on the real QEMU: verdict, exit code, evidence, nothing left behind."""

from __future__ import annotations

import json
import signal
import socket
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from tests.end_to_end.conftest import Command
from tests.waiting import wait_until

SUITE = """\
scenarios:
  one:
    about: A guest that does one thing wrong.
    topology: buddy
    exercise: none
    limit: 1 s
    steps: []
"""

DEAD = "nop"
# One line on COM1, then pvpanic (port 0x505).
PANIC = r"""
        mov $text, %esi
2:      lodsb
        test %al, %al
        jz 3f
        mov $0x3f8, %dx
        out %al, %dx
        jmp 2b
3:      mov $1, %al
        mov $0x505, %dx
        out %al, %dx
        jmp 1f
text:   .ascii "BUGCHECK {\"code\":209,\"name\":\"DRIVER_IRQL_NOT_LESS_OR_EQUAL\",\"driver\":\"owner.sys\","
        .asciz "\"function\":\"Isr\",\"offset\":16,\"reason\":\"read a page\"}\n"
"""
TRIPLE_FAULT = """
        lidt empty
        ud2
empty:  .word 0
        .long 0
"""


@pytest.mark.parametrize("tiny_guest", [PANIC], indirect=True)
def test_a_bugcheck_is_told_in_the_guests_words(tiny_guest: Command) -> None:
    ended = tiny_guest("run", tiny_guest.suite(SUITE))
    assert ended.exit_code == 3
    assert "guest bugcheck" in ended.output
    assert "bugcheck 0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL in owner.sys!Isr+0x10: read a page" in ended.output
    assert f"repeat:   orchestrator run {tiny_guest.directory}/suite.yaml --only one" in ended.output
    (scenario,) = json.loads((tiny_guest.run / "results.json").read_text())["scenarios"]
    assert scenario["findings"][0]["facts"] == {
        "code": 0xD1,
        "bugcheck": "DRIVER_IRQL_NOT_LESS_OR_EQUAL",
        "driver": "owner",
        "at": "owner.sys!Isr+0x10",
        # Without symbols there is no script for gdb, but the memory is kept.
        "dump": str(tiny_guest.run / "one" / "memory.elf"),
    }
    assert (tiny_guest.run / "one" / "memory.elf").read_bytes()[:4] == b"\x7fELF"
    assert json.loads((tiny_guest.run / "one" / "crash.json").read_text())["code"] == 0xD1


@pytest.mark.parametrize("tiny_guest", [PANIC], indirect=True)
def test_an_expected_bugcheck_passes_and_another_one_does_not(tiny_guest: Command) -> None:
    expect = "    expect: {{failure: guest bugcheck, code: {code}, driver: owner}}\n"
    assert tiny_guest("run", tiny_guest.suite(SUITE + expect.format(code="0xD1"))).exit_code == 0
    ended = tiny_guest("run", tiny_guest.suite(SUITE + expect.format(code="0xC4")))
    assert ended.exit_code == 3 and "it failed for another reason than the expected one" in ended.output


@pytest.mark.parametrize("tiny_guest", [TRIPLE_FAULT], indirect=True)
def test_a_triple_fault_is_a_guest_failure(tiny_guest: Command) -> None:
    ended = tiny_guest("run", tiny_guest.suite(SUITE))
    assert ended.exit_code == 3 and "triple fault" in ended.output


@pytest.mark.parametrize("tiny_guest", [DEAD], indirect=True)
def test_a_guest_that_says_nothing_hangs(tiny_guest: Command) -> None:
    ended = tiny_guest("run", tiny_guest.suite(SUITE))
    assert ended.exit_code == 4
    assert "the guest no longer answers, and did not answer the NMI either" in ended.output
    case = ET.parse(tiny_guest.run / "junit.xml").find(".//testcase[@name='one']/failure")
    assert case is not None and case.get("type") == "hang"


@pytest.mark.parametrize("tiny_guest", [DEAD], indirect=True)
def test_a_port_in_use_is_a_harness_error(tiny_guest: Command) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = tiny_guest("run", tiny_guest.suite(SUITE), "--gdb", str(port))
    assert ended.exit_code == 5
    assert "Address already in use" in ended.output


@pytest.fixture
def tests_in_the_background() -> Iterator[None]:
    """SIGINT ignored, as in what a script starts with `&`."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("tiny_guest", [DEAD], indirect=True)
@pytest.mark.usefixtures("tests_in_the_background")
def test_an_interrupt_ends_cleanly_with_what_there_is(tiny_guest: Command, number: signal.Signals) -> None:
    suite = tiny_guest.suite(SUITE.replace("limit: 1 s", "limit: 60 s"))
    process = tiny_guest.start("run", suite)

    def started() -> bool:
        assert process.poll() is None, "it ended before it was interrupted"
        return bool(tiny_guest.left_behind())

    wait_until(started, "a QEMU")
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 130, output
    assert "interrupted" in output and "0 of 1 passed" in output
    assert "Traceback" not in output
    assert json.loads((tiny_guest.run / "results.json").read_text())["verdict"] == "interrupted"
    assert tiny_guest.left_behind() == []

# SPDX-License-Identifier: MIT
"""What our DER writer writes, asn1crypto reads as the same."""

from __future__ import annotations

import datetime

import pytest
from asn1crypto import core
from driverpack import der
from hypothesis import given
from hypothesis import strategies as st

arcs = st.lists(st.integers(0, 2**40), min_size=1, max_size=8)


@given(st.integers(0, 2**80))
def test_integer(number: int) -> None:
    assert der.integer(number) == core.Integer(number).dump()


@given(st.binary(max_size=70000))
def test_octets_of_any_length(data: bytes) -> None:
    assert der.octets(data) == core.OctetString(data).dump()


@pytest.mark.parametrize("length", [0, 127, 128, 255, 256, 65535, 65536])
def test_lengths(length: int) -> None:
    assert der.octets(bytes(length)) == core.OctetString(bytes(length)).dump()


@given(st.sampled_from([0, 1]), st.integers(0, 39), arcs)
def test_oid(first: int, second: int, rest: list[int]) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.oid(dotted) == core.ObjectIdentifier(dotted).dump()


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_bmp_string(text: str) -> None:
    assert der.bmp_string(text) == core.BMPString(text).dump()


@given(st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2049, 12, 31)))
def test_utc_time(moment: datetime.datetime) -> None:
    assert der.utc_time(moment) == core.UTCTime(moment.replace(microsecond=0, tzinfo=datetime.UTC)).dump()


@given(st.lists(st.binary(max_size=20)))
def test_sets_are_sorted(members: list[bytes]) -> None:
    encoded = sorted(der.octets(member) for member in members)
    assert der.set_of(*reversed(encoded)) == der.value(0x31, *encoded)

"""What a link hears, in words: every channel, no secret, nothing hostile raised."""

from __future__ import annotations

import json
import os

import pytest

from firmware.tools.everyday import channels
from firmware.tools.everyday.frames_in_words import BOARD, LAPTOP, LINK, said, shortened, words
from receiver.link import frames, link, service_wire, wire
from receiver.link.arq import Queued
from receiver.protocol import padding
from tests.support.values import evidence
from tests.support.values.channels import BOTH_WAYS, TO_BRIDGE, TO_RECEIVER


def message(channel: int, payload: bytes) -> link.Message:
    return link.Message(channel, payload, 1)


def test_every_channel_has_its_name() -> None:
    assert channels.NAMES.keys() == wire.LAYOUTS.keys() | service_wire.LAYOUTS.keys()
    assert len(set(channels.NAMES.values())) == len(channels.NAMES)
    assert channels.name(wire.OPEN) == "OPEN"
    assert channels.name(service_wire.PROGRESS) == "PROGRESS"
    assert channels.name(255) == "channel 255"


@pytest.mark.parametrize("channel", [*TO_RECEIVER, *TO_BRIDGE, *BOTH_WAYS])
def test_every_message_in_words(channel: int) -> None:
    value = (TO_RECEIVER | TO_BRIDGE | BOTH_WAYS)[channel]
    told = said(message(channel, wire.encode(channel, value)))
    assert (told.source, told.what) == (BOARD, channels.name(channel))
    assert told.fields.keys() == set(value._fields)
    assert json.loads(json.dumps(told.fields)) == told.fields
    assert len(words(told.fields).splitlines()) == 1


@pytest.mark.parametrize("size", [8, 16, 32, 120])
def test_what_buyers_send_is_never_shown(size: int) -> None:
    """Not even a short one, of which all would fit."""
    secret = os.urandom(size)
    session, enc = evidence.seed("session"), os.urandom(padding.ENC_SIZE)
    for channel, value in (
        (wire.CREDENTIAL, wire.CredentialRecord(1, session, b"", enc, secret)),
        (wire.APPROVAL, wire.ApprovalRecord(session, 1, secret)),
    ):
        told = said(message(channel, wire.encode(channel, value)))
        assert told.fields["data"] == shortened(secret)
        shown = json.dumps(told.fields)
        assert secret.hex() not in shown.replace(shortened(secret), "")
        assert enc.hex() not in shown


def test_an_offer_is_read() -> None:
    data = evidence.offer(evidence.seed("receiver"), b"certificate", 0)
    opened = wire.Opened(evidence.REFERENCE, data, 0)
    told = said(message(wire.OFFER, wire.encode(wire.OFFER, opened)))
    offer = told.fields["offer"]
    assert isinstance(offer, dict)
    assert offer["kind"] == "purchase"
    assert f"amount={evidence.AMOUNT}" in words(told.fields)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 40, os.urandom(2048), b"\xa0"])
@pytest.mark.parametrize("channel", [wire.HEALTH, wire.SYNC, service_wire.IDENTITY, 0, 255])
def test_hostile_bytes_are_described(channel: int, payload: bytes) -> None:
    told = said(message(channel, payload))
    assert "not understood" in told.fields
    assert told.fields["bytes"] == len(payload)


def test_counters_that_are_none_are_shown_as_bytes() -> None:
    health = wire.Health(1, 2, 0, b"\x01", 0, 0)
    told = said(message(wire.HEALTH, wire.encode(wire.HEALTH, health)))
    assert told.fields["counters"] == "01"


def test_the_link_itself() -> None:
    assert said(link.Down(link.SILENT)).source == LINK
    assert said(link.Up(b"junk", True)).fields["bytes"] == 4
    assert said(link.Delivered(wire.IDENTIFY, 1))[:2] == (LAPTOP, "IDENTIFY")
    assert said(link.Lost((Queued(wire.IDENTIFY, b"", 1),))).what == "IDENTIFY"
    assert said(link.Log(b"\xffhello")).fields == {"text": "\N{REPLACEMENT CHARACTER}hello"}
    text = said(link.Raw(b"Guru Meditation\r\n", frames.TEXT))
    assert (text.what, text.fields) == ("text", {"text": "Guru Meditation"})
    raw = said(link.Raw(bytes(500), frames.CRC))
    assert raw.fields["why"] == "crc"
    assert len(str(raw.fields["begins"])) < 200

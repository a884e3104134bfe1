"""Following a link from outside, reading what is plain, and finding what was hidden badly."""

from __future__ import annotations

import pytest
from bumble import att

from receiver import reasons
from receiver.protocol import exchange, gatt, messages, padding
from simulator.hardware.radio.sniffer import (
    ATT,
    TERMINATED,
    Address,
    Advertised,
    Controlled,
    Heard,
    Linked,
    Sent,
)
from simulator.tools.demo import attributes, field_meanings, plain_fields, record_search
from simulator.tools.demo.attributes import Follower, Seen
from simulator.tools.demo.eavesdropper import AIR, EXCHANGE, LINK, Eavesdropper
from simulator.tools.demo.sniffed_purchases import LENGTHS, compare

PHONE, RECEIVER = Address("4F:00:00:00:00:01", True), Address("00:00:00:00:00:02", False)
HANDLES = {0x15: attributes.CERTIFICATE, 0x17: attributes.OFFER, 0x1A: attributes.EXCHANGE}
MTU = 50


def sent(pdu: att.ATT_PDU | bytes, up: bool = True, at: float = 0) -> Sent:
    return Sent(at, 0, up, ATT, bytes(pdu))


def followed(*records: Sent, table: dict[int, str] | None = None) -> list[Seen]:
    follower = Follower(dict(HANDLES) if table is None else table)
    asked = att.ATT_Exchange_MTU_Request(MTU), att.ATT_Exchange_MTU_Response(MTU)
    for pdu in asked:
        follower.read(sent(pdu))
    return [seen for seen in map(follower.read, records) if seen is not None]


@pytest.mark.parametrize("size", [0, 1, MTU - 2, MTU - 1, MTU, 3 * MTU])
def test_a_value_that_is_read_in_parts_is_put_together(size: int) -> None:
    value, most = bytes(range(size)), MTU - 1
    records = [
        sent(att.ATT_Read_Request(0x15)),
        sent(att.ATT_Read_Response(value[:most]), up=False),
    ]
    for at in range(most, size + 1, most):
        records.append(sent(att.ATT_Read_Blob_Request(0x15, at)))
        part = att.ATT_Read_Blob_Response(value[at : at + most])
        records.append(sent(part, up=False))
    assert followed(*records) == [
        Seen(0, False, attributes.READ, attributes.CERTIFICATE, value),
    ]


def test_handles_are_learnt_from_what_a_phone_asks() -> None:
    table: dict[int, str] = {}
    declaration = b"\x12\x17\x00" + gatt.uuid_bytes(gatt.OFFER)
    item = b"\x16\x00" + declaration
    answer = att.ATT_Read_By_Type_Response(length=len(item), attribute_data_list=item)
    notified = att.ATT_Handle_Value_Notification(0x17, b"offer")
    assert followed(sent(notified, False), sent(answer, False), table=table) == [
        Seen(0, False, attributes.NOTIFIED, "", b"offer"),
    ]
    assert table == {0x17: attributes.OFFER}
    assert followed(sent(notified, False), table=table)[0].name == attributes.OFFER


def test_writes_and_subscriptions() -> None:
    assert followed(
        sent(att.ATT_Write_Request(0x18, b"\1\0")),
        sent(att.ATT_Write_Response(), up=False),
        sent(att.ATT_Write_Command(0x1A, b"message")),
        sent(att.ATT_Write_Request(0x03, b"else")),
    ) == [
        Seen(0, True, attributes.SUBSCRIBED, attributes.OFFER, b"\1\0"),
        Seen(0, False, attributes.ACKNOWLEDGED, "", b""),
        Seen(0, True, attributes.WRITTEN, attributes.EXCHANGE, b"message"),
        Seen(0, True, attributes.OTHER, "", b"else"),
    ]


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x02", b"\x09\x07", b"\x12", b"\x16\0\0\0\0"])
def test_a_packet_that_is_no_attribute_pdu_is_something_else(data: bytes) -> None:
    assert {seen.what for seen in followed(sent(data))} <= {attributes.OTHER}


def test_every_field_of_ours_has_a_meaning() -> None:
    header = {"kid", "signature"}
    certificate = {field.name for field in messages.CERTIFICATE.fields}
    assert set(field_meanings.CERTIFICATE) == certificate | header
    offer = {field.name for field in messages.OFFER.fields}
    assert set(field_meanings.OFFER) == offer | header | {"session id", "match code"}
    others = {exchange.REFUSAL, exchange.LEAVE, exchange.RESUME, exchange.RESUMED}
    assert set(field_meanings.EXCHANGE) == {*LENGTHS, *others}


def test_the_advertisement_is_read() -> None:
    found = {
        field.name: field.value for field in plain_fields.advertisement(gatt.advertising_data(7))
    }
    assert found == {"flags": b"\x06", "service": gatt.SERVICE, "name": "Till 7"}
    flags = gatt.FLAG_OPEN | gatt.FLAG_BUSY
    response = plain_fields.advertisement(gatt.scan_response(flags, 7, b"tag"))
    assert {field.name: field.value for field in response} == {
        "version": "1",
        "state": "open, busy",
        "till": "7",
        "tag": b"tag",
    }


@pytest.mark.parametrize("data", [b"\x03\xff\x00\x00", gatt.scan_response(0, 7, b"tag")[:-1]])
def test_an_advertisement_of_another_device(data: bytes) -> None:
    assert {field.name for field in plain_fields.advertisement(data)} <= {"unreadable"}


@pytest.mark.parametrize(
    ("message", "name", "value", "learns"),
    [
        (b"\x02" + bytes(32), "02 key", bytes(32), field_meanings.EXCHANGE[exchange.KEY]),
        (b"\x03" + bytes(181), "03 credential", "sealed, 181 bytes", None),
        (b"\x07\x02", "07 leave", "wrong till", None),
        (b"\x08" + bytes(49), "08 resume", bytes(49), None),
        (exchange.resumed(exchange.CREDENTIAL), "09 resumed", "credential", None),
        (
            exchange.refusal(reasons.BUSY),
            "06 refusal",
            "busy",
            field_meanings.EXCHANGE[exchange.REFUSAL],
        ),
        (
            exchange.sealed_refusal(bytes(padding.REFUSAL_SEALED)),
            "06 refusal",
            f"sealed, {padding.REFUSAL_SEALED} bytes",
            field_meanings.REFUSED_SEALED,
        ),
        (b"\x06", "06 refusal", b"", field_meanings.EXCHANGE[exchange.REFUSAL]),
        (b"\x06\x63", "06 refusal", b"\x63", field_meanings.EXCHANGE[exchange.REFUSAL]),
        (b"", "unreadable", b"", None),
        (b"\x55abc", "unreadable", b"\x55abc", None),
    ],
)
def test_a_message_of_the_exchange(
    message: bytes, name: str, value: str | bytes, learns: str | None
) -> None:
    field = plain_fields.exchanged(message)
    assert (field.name, field.value) == (name, value)
    assert learns is None or field.learns == learns


def test_what_cannot_be_read_is_said_to_be_so() -> None:
    for read in (plain_fields.certificate, plain_fields.offer):
        assert read(b"garbage")[0].name == "unreadable"


def visit(*records: Heard) -> Eavesdropper:
    linked = Linked(0, 0, PHONE, RECEIVER, 0.03, 0, 5.0)
    return Eavesdropper([Advertised(0, 0, 1, "ADV_IND", RECEIVER, b""), linked, *records])


def test_a_link_of_nothing_but_garbage() -> None:
    heard = visit(
        Sent(1, 0, True, 6, b"pairing"),
        sent(b"\xff\xff", at=2),
        Controlled(3, 0, True, "LL_FEATURE_REQ", bytes(8)),
        Controlled(4, 0, False, TERMINATED, b"\x13\0"),
    )
    assert [line.field for line in heard.lines if line.part == LINK] == [
        "phone's address",
        "parameters",
        "other",
        "other",
        "control",
        "end",
    ]
    assert heard.said(LINK)["end"] == "reason 13"
    assert heard.said(AIR)["repeats"] == "once"


def test_the_time_between_the_digits() -> None:
    heard = visit(
        sent(att.ATT_Read_By_Type_Response(length=21, attribute_data_list=_declared()), False),
        sent(att.ATT_Write_Command(0x1A, b"\x03" + bytes(181)), at=1.0),
        sent(att.ATT_Write_Request(0x1A, b"\x04" + bytes(146)), at=3.5),
    )
    assert heard.said("timing") == {"from the first digit to the last": "2500 ms"}
    assert set(heard.said(EXCHANGE)) == {"03 credential", "04 approval"}


def _declared() -> bytes:
    return b"\x19\x00\x1c\x1a\x00" + gatt.uuid_bytes(gatt.EXCHANGE)


def test_a_search_finds_a_value_in_either_order_of_bytes() -> None:
    places = [b"..secret..", b"..terces..", b"..", b"secre"]
    assert record_search.search([("it", b"secret"), ("else", b"nowhere")], places) == [
        record_search.SearchHit("it", 6, 2),
        record_search.SearchHit("else", 7, 0),
    ]


def test_common_values_are_found_wherever_they_stand() -> None:
    assert record_search.common([b"abcd12345678", b"short"], [b"", b"xx12345678y"]) == {b"12345678"}
    assert record_search.common([b"1234567"], [b"1234567"]) == set()
    assert compare([]).holds

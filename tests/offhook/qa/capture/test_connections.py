"""SIP messages in captured TCP connections: out of order, repeated, with parts missing; and other connections."""

import random
import time

import pytest

from offhook.qa.capture.connections import SipConnections, is_sip
from offhook.qa.capture.packets import Segment

PHONE, SERVER = ("192.0.2.7", 40_000), ("192.0.2.1", 5_060)
START = 0xFFFFFF00
"""Sequence numbers wrap within the test."""


def message(number: int, body: str = "") -> bytes:
    lines = [f"INFO sip:{number}@192.0.2.1 SIP/2.0", f"CSeq: {number} INFO", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


MESSAGES = [message(number, "x" * (number * 37 % 300)) for number in range(20)]


def segment(offset: int, data: bytes, flags: int = 0x18, at_s: float = 1.0) -> Segment:
    return Segment(at_s, PHONE, SERVER, data, (START + offset) & 0xFFFFFFFF, flags)


def segments(data: bytes, size: int) -> list[Segment]:
    return [segment(at, data[at : at + size]) for at in range(0, len(data), size)]


def taken(connections: SipConnections, each: list[Segment]) -> list[bytes]:
    return [found for one in each for found in connections.take(one)]


@pytest.mark.parametrize("size", [1, 7, 100, 1_460])
def test_in_order(size: int) -> None:
    syn = Segment(1.0, PHONE, SERVER, b"", (START - 1) & 0xFFFFFFFF, 2)
    assert taken(SipConnections(), [syn, *segments(b"".join(MESSAGES), size)]) == MESSAGES


@pytest.mark.parametrize("seed", range(5))
def test_out_of_order_and_repeated(seed: int) -> None:
    chance, syn = random.Random(seed), Segment(1.0, PHONE, SERVER, b"", (START - 1) & 0xFFFFFFFF, 2)
    parts = segments(b"".join(MESSAGES), 120)
    parts += chance.sample(parts, 10)
    # What was sent again may begin elsewhere.
    whole = b"".join(MESSAGES)
    parts += [segment(at, whole[at : at + 200]) for at in (60, 500, 1_111)]
    chance.shuffle(parts)
    assert taken(SipConnections(), [syn, *parts]) == MESSAGES


def test_a_connection_that_is_older_than_the_capture() -> None:
    whole = b"".join(MESSAGES)
    begins = whole.index(MESSAGES[3])
    middle = segment(begins - 20, whole[begins - 20 : begins])
    assert (
        taken(
            SipConnections(),
            [
                middle,
                *(
                    segment(begins + each, whole[begins + each : begins + each + 90])
                    for each in range(0, len(whole) - begins, 90)
                ),
            ],
        )
        == MESSAGES[3:]
    )


def test_a_part_that_was_not_captured() -> None:
    connections, many = SipConnections(), MESSAGES * 40
    offset, parts = 0, []
    for each in many:
        parts.append(segment(offset, each))
        offset += len(each)
    found = taken(connections, [*parts[:5], *parts[6:]])
    assert found[:5] == many[:5] and connections.missing == 1
    assert found[5:] == many[6:]


def test_what_is_not_sip_is_left_alone() -> None:
    connections = SipConnections()
    syn = Segment(1.0, PHONE, SERVER, b"", (START - 1) & 0xFFFFFFFF, 2)
    assert taken(connections, [syn, segment(0, b"GET / HTTP/1.1\r\n\r\n"), segment(18, MESSAGES[0])]) == []
    tls = ("192.0.2.1", 5_061)
    hello = Segment(1.0, PHONE, tls, b"\x16\x03\x01\x02\x00", 1, 0x18)
    connections.take(Segment(1.0, PHONE, tls, b"", 0, 2))
    assert connections.take(hello) == [] and connections.encrypted == {tls}


def test_many_connections_have_a_bound() -> None:
    connections = SipConnections()
    for port in range(5_000):
        connections.take(Segment(1.0, ("192.0.2.7", port), SERVER, b"", 0, 2))
    assert connections.followed <= 4_096


def test_a_message_begins() -> None:
    assert is_sip(b"SIP/2.0 200 OK\r\n") and is_sip(b"INVITE sip:a@b SIP/2.0\r\n")
    assert not any(map(is_sip, (b"", b"HTTP/1.1 200 OK\r\n", b"INVITE sip:a@b HTTP/1.0\r\n", b"SIP/2.0 99\r\n")))


def test_small_segments_behind_a_hole_take_no_time() -> None:
    """Each one looks at all that wait: few do."""
    connections, many = SipConnections(), MESSAGES * 100
    parts = segments(b"".join(many), 60)
    began_s = time.process_time()
    found = taken(connections, [*parts[:5], *parts[6:300]])
    assert connections.missing == 1, "long before they are many bytes"
    found += taken(connections, parts[300:])
    assert time.process_time() - began_s < 5
    assert connections.missing == 1 and found[-1] == many[-1] and len(found) > len(many) - 60


def test_many_holes() -> None:
    connections = SipConnections()
    parts = segments(b"".join(MESSAGES * 400), 60)
    began_s = time.process_time()
    taken(connections, parts[:5] + parts[6::2])
    assert time.process_time() - began_s < 5 and connections.missing > 1

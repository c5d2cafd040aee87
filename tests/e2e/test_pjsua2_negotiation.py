"""Descriptions that PJSIP reads and loses its way over, to a bot whose calls it carries: its process goes on, and so
do calls."""

import hashlib
import hmac
import re
import secrets
import select
import socket
import struct
import sys
import time
import zlib
from collections.abc import Callable

import pytest

from tests.e2e.backends import settings_of
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.phone import Response
from tests.e2e.test_pjsua2_descriptions import own_address
from tests.e2e.test_pjsua2_messages import Odd
from tests.e2e.test_pjsua2_offers import APART_S, AUDIO, PORT, UNKNOWN, Wrong, lives, pytestmark

__all__ = ["pytestmark"]

SESSION = AUDIO.partition("m=")[0]
OFF = "m={} 0 RTP/AVP 0\r\n"


REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, MAPPED, PRIORITY, USE_CANDIDATE, FINGERPRINT = 0x06, 0x08, 0x20, 0x24, 0x25, 0x8028
MAGIC = 0x2112A442
"""Of STUN (RFC 8489) and ICE (RFC 8445 §16.1)."""

UFRAG = r"ice-ufrag:(\S+)"
FRAGMENT, PASSWORD = "u" * 8, "p" * 24
NOMINATION_S = 1.0
"""PJSIP begins its own 0.4 s after it has a pair for RTP and one for RTCP."""


class Heard(Wrong):
    """A telephone that keeps the description of the last answer."""

    answer = ""

    def receive(self) -> Response:
        response = super().receive()
        self.answer = response.text if "m=audio" in response.text else self.answer
        return response

    def of_answer(self, pattern: str) -> str:
        found = re.search(pattern, self.answer)
        assert found is not None, self.answer
        return found[1]


def stun(kind: int, transaction: bytes, password: str, *attributes: tuple[int, bytes]) -> bytes:
    body = b""

    def header(octets: int) -> bytes:
        return struct.pack("!HHI", kind, octets, MAGIC) + transaction

    for name, value in attributes:
        body += struct.pack("!HH", name, len(value)) + value + bytes(-len(value) % 4)
    digest = hmac.new(password.encode(), header(len(body) + 24) + body, hashlib.sha1).digest()
    body += struct.pack("!HH", INTEGRITY, len(digest)) + digest
    checksum = zlib.crc32(header(len(body) + 8) + body) ^ 0x5354554E
    return header(len(body) + 8) + body + struct.pack("!HHI", FINGERPRINT, 4, checksum)


def answer_check(peer: socket.socket) -> int:
    """What has come; a request is answered."""
    data, source = peer.recvfrom(2_000)
    kind = int.from_bytes(data[:2])
    if kind == REQUEST:
        address = int.from_bytes(socket.inet_aton(source[0])) ^ MAGIC
        mapped = struct.pack("!HHI", 1, source[1] ^ MAGIC >> 16, address)
        peer.sendto(stun(SUCCESS, data[8:20], PASSWORD, (MAPPED, mapped)), source)
    return kind


def empty(lines: str) -> str:
    """Of parts, one with a description that is nothing but lines."""
    return f"--b\r\nContent-Type: application/sdp\r\n\r\n{lines}\r\n--b--\r\n"


@pytest.mark.parametrize("lines", ["\r\n\r\n", "\n\n"])
def test_a_description_of_empty_lines(start_bot: Callable[..., BotProcess], lines: str) -> None:
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    in_parts = ("application/sdp", "multipart/mixed;boundary=b")
    with lives(bot):
        with Odd((bot.host, bot.port)) as phone:
            phone.swapped = (in_parts,)
            assert phone.invite(empty(lines)) == 400
            phone.swapped = ()
            phone.acknowledge()
        with Odd((bot.host, bot.port)) as phone:
            assert phone.invite(AUDIO) == 200
            phone.acknowledge()
            phone.swapped = (in_parts, (f"INVITE sip:bot@{bot.host}:{bot.port} SIP/2.0", "SIP/2.0 200 OK"))
            phone.wait_s = APART_S
            assert phone.invite(empty(lines)) == 0  # an answer of nobody's
            phone.wait_s = Odd.wait_s
            phone.swapped = (in_parts,)
            assert phone.ask_in_call("BYE", empty(lines)) == 200
        with Odd((bot.host, bot.port)) as phone:
            phone.swapped = (in_parts,)
            assert phone.invite(empty(f"{lines}{AUDIO}")) == 200
            phone.swapped = ()
            phone.acknowledge()
            assert phone.ask_in_call("BYE") == 200


@pytest.mark.parametrize("count", [1, 15])
def test_lines_that_are_of_another_kind_by_now(start_bot: Callable[..., BotProcess], count: int) -> None:
    """PJSIP's next offer would have lines that nobody knows, and more of them than fit."""
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    with lives(bot):
        for first, then in (("audio", "x"), ("AUDIO", "AUDIO")):
            time.sleep(APART_S)
            with Wrong((bot.host, bot.port)) as phone:
                assert phone.invite(AUDIO + OFF.format(first) * count) == 200
                phone.acknowledge()
                assert phone.invite(AUDIO + OFF.format(then) * count) == 200
                phone.acknowledge()
                assert phone.invite("") == 200
                phone.acknowledge(AUDIO)
                assert phone.ask_in_call("BYE") == 200


def test_a_payload_type_that_was_another_one(start_bot: Callable[..., BotProcess]) -> None:
    events = f"{SESSION}m=audio {PORT} RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n"
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    with lives(bot), Wrong((bot.host, bot.port)) as phone:
        assert phone.invite(events) == 200
        phone.acknowledge()
        for types, status in (("0096", 488), ("96 0096", 488), ("96", 200)):
            speech = f"{SESSION}m=audio {PORT} RTP/AVP {types}\r\na=rtpmap:96 PCMU/8000\r\n"
            assert phone.invite(speech) == status
            phone.acknowledge()
        assert phone.ask_in_call("BYE") == 200


@pytest.fixture
def bot_with_ice(start_bot: Callable[..., BotProcess]) -> BotProcess:
    address = own_address()
    if not address:
        pytest.skip("this machine is in no network, and PJSIP takes no loopback address for a candidate")
    serve = [sys.executable, "-m", "offhook", "serve", "--sip", f"{address}:0", "--http", "127.0.0.1:0"]
    return start_bot("--bench-engines", command=serve, OFFHOOK_SIP__ICE="true", **settings_of("pjsua2"))


def with_ice(ports: list[int], *session: str) -> str:
    lines = [f"a=candidate:1 {at + 1} UDP {9 - at} {HOST} {port} typ host" for at, port in enumerate(ports)]
    lines += [f"a=rtcp:{ports[1]}", f"a=ice-ufrag:{FRAGMENT}", f"a=ice-pwd:{PASSWORD}", ""]
    offer = AUDIO.replace(f"audio {PORT}", f"audio {ports[0]}")
    return offer.replace("t=0 0", "\r\n".join(["t=0 0", *session])) + "\r\n".join(lines)


def test_with_ice_an_offer_of_ours_that_is_left_without_an_answer(bot_with_ice: BotProcess) -> None:
    """It goes on waiting (RFC 3261 §13.2.2.4)."""
    with lives(bot_with_ice), Wrong((bot_with_ice.host, bot_with_ice.port)) as phone:
        assert phone.invite(AUDIO) == 200
        phone.acknowledge()
        assert phone.invite("") == 200
        phone.acknowledge()
        asked = phone.cseq
        for offer in (UNKNOWN, with_ice([9, 10])):
            assert phone.invite(offer) == 491
            phone.acknowledge()
        phone.cseq, last = asked, phone.cseq
        phone.acknowledge(AUDIO)
        phone.cseq = last
        assert phone.invite(with_ice([9, 10])) == 200
        phone.acknowledge()
        assert phone.ask_in_call("BYE") == 200


def test_a_far_end_that_knows_half_of_ice_and_nominates(bot_with_ice: BotProcess) -> None:
    """It is to leave that to us (RFC 8445 §8.1)."""
    bot, address = bot_with_ice, bot_with_ice.host
    with (
        lives(bot),
        Heard((bot.host, bot.port)) as phone,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtcp,
    ):
        for peer in (rtp, rtcp):
            peer.bind((HOST, 0))
            peer.settimeout(NOMINATION_S)
        ports = [peer.getsockname()[1] for peer in (rtp, rtcp)]
        assert phone.invite(with_ice(ports, "a=ice-lite")) == 200
        phone.acknowledge()
        to = address, int(phone.of_answer(rf"candidate:\S+ 1 UDP \d+ {address} (\d+) "))
        name = f"{phone.of_answer(UFRAG)}:{FRAGMENT}".encode()
        nominated = (USERNAME, name), (PRIORITY, bytes(4)), (USE_CANDIDATE, b"")
        password = phone.of_answer(r"ice-pwd:(\S+)")
        rtp.sendto(stun(REQUEST, secrets.token_bytes(12), password, *nominated), to)
        heard: set[int] = set()
        while not heard >= {REQUEST, SUCCESS}:
            heard.add(answer_check(rtp))
        until = time.monotonic() + NOMINATION_S
        while (left := until - time.monotonic()) > 0:
            for peer in select.select((rtp, rtcp), (), (), left)[0]:
                answer_check(peer)
        assert phone.ask_in_call("BYE") == 200

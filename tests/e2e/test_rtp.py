"""A call with everything that SDP can ask of RTP at once: comfort noise, one port for RTCP, packets of 30 ms."""

import itertools
import re
import secrets
import socket
import time
from typing import Self

from offhook.telephony.codec import codec_named
from offhook.telephony.wire import rtcp
from offhook.telephony.wire.rtcp import ReceiverReport
from tests.e2e.conftest import BotProcess, speech
from tests.e2e.peers import HOST
from tests.e2e.phone import Phone, rtp, sdp

CN = 13
FRAME_MS = 30
FRAME = 8 * FRAME_MS
NOISE = bytes([60])


class QuietPhone:
    """Sends while it talks, one packet of comfort noise when it falls silent, and nothing else. One socket for all."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.port = int(self.socket.getsockname()[1])
        self.media: list[tuple[float, int, bytes]] = []
        self.reports = 0
        self._began = time.monotonic()
        self._ssrc = secrets.randbits(32)
        self._numbers = itertools.count(65_530)

    def say(self, ulaw: bytes, target: tuple[str, int]) -> None:
        due = time.monotonic()
        for at in range(0, len(ulaw), FRAME):
            self._send(0, ulaw[at : at + FRAME].ljust(FRAME, b"\xff"), target)
            due += FRAME_MS / 1_000
            self.listen(due)
        self._send(CN, NOISE, target)

    def report(self, target: tuple[str, int]) -> None:
        self.socket.sendto(rtcp.build_compound(ReceiverReport(self._ssrc)), target)

    def listen(self, until: float) -> None:
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(4_096)
            except TimeoutError:
                return
            if rtcp.is_rtcp(data):
                self.reports += 1
            else:
                self.media.append((time.monotonic(), data[1] & 0x7F, data[12:]))

    def listen_for(self, payload_type: int, seconds: float = 10.0) -> None:
        """Until the last packet is of that type."""
        deadline = time.monotonic() + seconds
        while not self.media or self.media[-1][1] != payload_type:
            assert time.monotonic() < deadline, f"nothing of type {payload_type} within {seconds} s"
            self.listen(time.monotonic() + 0.02)

    def _send(self, payload_type: int, payload: bytes, target: tuple[str, int]) -> None:
        timestamp = round((time.monotonic() - self._began) * 8_000)
        self.socket.sendto(rtp(next(self._numbers), timestamp, self._ssrc, payload, payload_type), target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def test_a_phone_that_is_silent_when_it_is_silent(bench_bot: BotProcess) -> None:
    bot = bench_bot
    with Phone((bot.host, bot.port)) as phone, QuietPhone() as media:
        offer = sdp(media.port, "0 PCMU/8000", "13 CN/8000", "101 telephone-event/8000")
        offer = offer.replace("a=sendrecv", "a=rtcp-mux\r\na=maxptime:40\r\na=ptime:30\r\na=sendrecv")
        answer = phone.ask(phone.request("INVITE", body=offer))
        assert answer.status == 200
        for line in ("a=rtpmap:13 CN/8000", "a=rtcp-mux", "a=ptime:30"):
            assert re.search(rf"^{line}\r$", answer.text, re.MULTILINE), answer.text
        target = (HOST, answer.media_port)
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        media.say(b"\xff" * FRAME, target)
        media.listen_for(0)
        media.report(target)
        media.listen(time.monotonic() + 1.0)
        # The greeting is interrupted, its end announced; after the caller's silence comes the answer.
        media.say(codec_named("PCMU").encode(speech("check-my-balance")), target)
        media.listen_for(CN)
        media.listen_for(0)
        assert phone.ask(phone.request("BYE", cseq=2, to_tag=answer.to_tag)).status == 200
        record = bot.record(phone.port)
        media.listen(time.monotonic() + 0.2)
    assert {len(payload) for _, kind, payload in media.media if kind == 0} == {FRAME}
    assert media.reports >= 1
    stats = record["rtp"]
    assert stats["noise_ticks"] > 4_000
    assert (stats["lost"], stats["late"], stats["unknown_pt"], stats["malformed"]) == (0, 0, 0, 0)
    assert stats["mos"] > 4

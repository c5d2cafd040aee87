"""What no peer should send, over real sockets: the bot answers or drops it, and goes on."""

import random
import socket
from collections.abc import Iterator

import pytest

from offhook.telephony.codec import codec_named
from tests.e2e.conftest import BotProcess, speech
from tests.e2e.phone import Phone, RtpPeer, answers_within_s, rtp, sdp

noise = random.Random(3)
SMOOTH_S = 0.2  # between two packets of the bot's speech: what a busy machine makes of 20 ms
ALIVE_S = 0.2


class Talk:
    """A call of ours with media, while others misbehave."""

    def __init__(self, bot: BotProcess) -> None:
        self.phone = Phone((bot.host, bot.port))
        self.media = RtpPeer()
        answer = self.phone.ask(self.phone.request("INVITE", body=sdp(self.media.port)))
        assert answer.status == 200
        self.to_tag = answer.to_tag
        self.bot_media = (bot.host, answer.media_port)
        self.phone.send(self.phone.request("ACK", to_tag=self.to_tag))
        self.media.target = self.bot_media
        self._packets_until_interrupted: int | None = None

    def interrupt(self, ulaw: bytes) -> None:
        """Say something: the bot falls silent for a while, and rightly so."""
        self._packets_until_interrupted = len(self.media.arrivals)
        self.media.say(ulaw)

    def worst_gap_s(self) -> float:
        """Between two packets of the bot's, while nobody interrupted it."""
        return max(self.media.gaps_s()[: self._packets_until_interrupted])

    def hang_up(self) -> None:
        with self.phone, self.media:
            self.media.target = None
            assert self.phone.ask(self.phone.request("BYE", cseq=2, to_tag=self.to_tag)).status == 200


@pytest.fixture
def talk(bench_bot: BotProcess) -> Iterator[Talk]:
    """At its end the call must have been undisturbed, and the bot as quick as before."""
    talk = Talk(bench_bot)
    try:
        bench_bot.wait_for(lambda: len(talk.media.arrivals) > 10)
        yield talk
        assert answers_within_s((bench_bot.host, bench_bot.port)) < ALIVE_S
        before = len(talk.media.arrivals)
        bench_bot.wait_for(lambda: len(talk.media.arrivals) > before + 10)
        assert talk.worst_gap_s() < SMOOTH_S
    finally:
        talk.hang_up()
    record = bench_bot.record(talk.phone.port)
    assert record["end_reason"] == "caller hung up"
    assert record["rtp"]["lost"] == 0
    assert record["rtp"]["packets_received"] > 10


@pytest.fixture
def stranger(bench_bot: BotProcess, talk: Talk) -> Iterator[Phone]:
    """Another telephone, during the call."""
    with Phone((bench_bot.host, bench_bot.port)) as phone:
        yield phone


def refused(bot: BotProcess, status: int) -> float:
    return bot.metric_of("offhook_sip_refused_total", status=str(status))


NO_REQUESTS = {
    "empty": b"",
    "one octet": b"\0",
    "noise": noise.randbytes(400),
    "65000 octets": noise.randbytes(65_000),
    "a word": b"INVITE",
    "no headers": b"INVITE sip:bot@127.0.0.1 SIP/2.0\r\n\r\n",
    "a response": b"SIP/2.0 200 OK\r\n\r\n",
    "a large status": b"SIP/2.0 999999999999999999999 \r\nVia: x\r\n\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    "not text": b"\xff\xfe" * 700,
    "2000 Vias": b"INVITE sip:bot@127.0.0.1 SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 127.0.0.1:9\r\n" * 2_000 + b"\r\n",
}


@pytest.mark.parametrize("data", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_what_is_no_request_is_dropped(bench_bot: BotProcess, stranger: Phone, data: bytes) -> None:
    malformed = bench_bot.metric("offhook_sip_malformed_total")
    stranger.send(data)
    assert stranger.is_quiet(0.2)
    # What is shorter than four octets is a keep-alive of some kind.
    assert bench_bot.metric("offhook_sip_malformed_total") == malformed + (len(data) > 3)


def test_a_request_of_65_000_octets_is_answered(stranger: Phone) -> None:
    response = stranger.ask(stranger.request("OPTIONS", f"X-Long: {'a' * 64_000}"))
    assert response.status in (400, 413, 513)


def test_malformed_requests_are_told_so(bench_bot: BotProcess, stranger: Phone) -> None:
    malformed, before = bench_bot.metric("offhook_sip_malformed_total"), refused(bench_bot, 400)
    good = stranger.request("INVITE", body=sdp(9_000)).decode()
    broken = [
        good.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        good.replace("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
        good.replace(f"Call-ID: {stranger.call_id}\r\n", ""),
        good.replace("From: <sip:", "From: <sip::::"),
        good.replace("Content-Length: ", "Content-Length: 9"),
    ]
    for text in broken:
        assert stranger.ask(text.encode()).status == 400, text
    assert bench_bot.metric("offhook_sip_malformed_total") == malformed + len(broken)
    assert refused(bench_bot, 400) == before + len(broken)


@pytest.mark.parametrize(
    ("method", "extra", "status", "header", "value"),
    [
        ("BREW", (), 501, "Allow", "INVITE"),
        ("SUBSCRIBE", ("Event: presence",), 405, "Allow", "INVITE"),
        ("REGISTER", (), 405, "Allow", "BYE"),
        ("OPTIONS", ("Require: teleport",), 420, "Unsupported", "teleport"),
        ("INVITE", ("Require: precondition",), 420, "Unsupported", "precondition"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(
    bench_bot: BotProcess,
    stranger: Phone,
    method: str,
    extra: tuple[str, ...],
    status: int,
    header: str,
    value: str,
) -> None:
    before = refused(bench_bot, status)
    response = stranger.ask(stranger.request(method, *extra, body=sdp(9_000) if method == "INVITE" else ""))
    assert response.status == status
    assert value in response.header(header)
    assert refused(bench_bot, status) == before + 1


def test_a_call_that_the_signalling_refuses_is_counted_and_logged(bench_bot: BotProcess, stranger: Phone) -> None:
    before = bench_bot.metric_of("offhook_calls_refused_total", reason="request")
    request = stranger.request("INVITE", "Content-Type: text/plain", body="")
    response = stranger.ask(request.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 5\r\n\r\nhello"))
    assert response.status == 415
    assert response.header("Accept").startswith("application/sdp")
    assert bench_bot.metric_of("offhook_calls_refused_total", reason="request") == before + 1


def test_an_offer_that_cannot_be_met_is_told_why(stranger: Phone) -> None:
    response = stranger.ask(stranger.request("INVITE", body=sdp(9_000, "18 G729/8000")))
    assert (response.status, response.header("Warning")[:12]) == (488, "305 offhook ")
    # And a proxy may try again at once, with the same Call-ID and CSeq.
    response = stranger.ask(stranger.request("INVITE", body=sdp(9_000)))
    assert response.status == 200
    stranger.send(stranger.request("ACK", to_tag=response.to_tag))
    # Whatever else a BYE carries, it ends the call.
    bye = stranger.request(
        "BYE", "Supported: ,outbound", "Max-Forwards: 300", "no header", cseq=2, to_tag=response.to_tag
    )
    assert stranger.ask(bye).status == 200


def test_an_unknown_version_is_505(stranger: Phone) -> None:
    assert stranger.ask(stranger.request("OPTIONS", version="SIP/3.0")).status == 505


def test_requests_of_dialogs_that_are_not_there(stranger: Phone) -> None:
    assert stranger.ask(stranger.request("BYE", to_tag="nobody")).status == 481
    assert stranger.ask(stranger.request("INVITE", cseq=2, to_tag="nobody", body=sdp(9_000))).status == 481
    assert stranger.ask(stranger.request("CANCEL", cseq=3)).status == 481


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (sdp(9_000, "18 G729/8000"), 488),
        (sdp(9_000).replace("m=audio", "m=video"), 488),
        (sdp(9_000).replace("RTP/AVP", "RTP/SAVP"), 488),
        (sdp(9_000).replace("c=IN IP4 127.0.0.1", "c=IN IP4 media.example.com"), 488),
        (sdp(0), 488),
        ("this is no SDP", 400),
    ],
    ids=["no common codec", "video", "encrypted", "a name", "port 0", "no sdp"],
)
def test_offers_that_cannot_be_met(bench_bot: BotProcess, stranger: Phone, body: str, status: int) -> None:
    records = len(bench_bot.records())
    response = stranger.ask(stranger.request("INVITE", branch="z9hG4bK-offer", body=body))
    assert response.status == status
    stranger.send(stranger.request("ACK", branch="z9hG4bK-offer", to_tag=response.to_tag))
    assert stranger.is_quiet(0.6)  # the refusal is not repeated: it was acknowledged
    assert len(bench_bot.records()) == records


def test_junk_on_the_media_ports(bench_bot: BotProcess, talk: Talk) -> None:
    host, port = talk.bot_media
    good = rtp(1, 160, 7, b"\x20" * 160)
    junk = [
        b"",
        b"\x80",
        good[:11],
        noise.randbytes(172),
        noise.randbytes(1_400),
        b"\x80\x00" + b"\xff" * 1_900,
    ]
    # Padding longer than the packet, 15 CSRCs in 12 octets, an extension that is not there.
    junk += [bytes([0xA0]) + good[1:-1] + b"\xff", bytes([0x8F]) + good[1:12], bytes([0x90]) + good[1:12]]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
        foreign.bind(("127.0.0.2", 0))
        for _ in range(20):
            for data in junk:
                foreign.sendto(data, (host, port))
                foreign.sendto(data, (host, port + 1))
        for number in range(100):  # a proper stream, of somebody else
            foreign.sendto(rtp(number, 160 * number, 99, b"\x20" * 160), (host, port))
    talk.interrupt(codec_named("PCMU").encode(speech("check-my-balance")))
    # From the far end's own address, too: it must not cost the call either.
    for data in junk:
        talk.media.send(data)
    bench_bot.wait_for(lambda: any("check my balance" in str(line["text"]) for line in bench_bot.transcript()[-2:]))


def test_the_record_tells_of_strangers(bench_bot: BotProcess) -> None:
    talk = Talk(bench_bot)
    bench_bot.wait_for(lambda: len(talk.media.arrivals) > 20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as foreign:
        foreign.bind(("127.0.0.2", 0))
        for number in range(50):
            foreign.sendto(rtp(number, 160 * number, 99, b"\x20" * 160), talk.bot_media)
    for _ in range(5):
        talk.media.send(b"\x80\x00too short")
    bench_bot.wait_for(lambda: len(talk.media.arrivals) > 40)
    talk.hang_up()
    rtp_stats = bench_bot.record(talk.phone.port)["rtp"]
    assert (rtp_stats["rejected_source"], rtp_stats["malformed"]) == (50, 5)
    assert (rtp_stats["lost"], rtp_stats["ssrc_changes"]) == (0, 0)

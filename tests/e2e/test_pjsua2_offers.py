"""Offers and answers at the wrong time, to a bot whose calls PJSIP carries: its process goes on, and so do calls."""

import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, Response, sdp
from tests.ports import own_ports

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("pjsua2") is None, reason="there is no wheel of PJSIP for this Python"),
    pytest.mark.skipif(
        find_spec("offhook.telephony.native._frames") is None, reason="the frame port in C was not built"
    ),
]

PORT = 9
"""Nobody listens there."""
AUDIO = sdp(PORT)
SECURE = AUDIO.replace("RTP/AVP", "RTP/SAVP")
NOWHERE = AUDIO.replace("c=IN IP4 127.0.0.1\r\n", "").replace(f"audio {PORT}", "audio 0")
WITH_VIDEO = AUDIO + f"m=video {PORT} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
WITH_TEXT = AUDIO + f"m=text {PORT} RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
BROKEN = AUDIO.replace("t=0 0", "t")
UNKNOWN = sdp(PORT, "97 foo/8000")
DESCRIPTIONS = (AUDIO, SECURE, NOWHERE, WITH_VIDEO, WITH_TEXT, UNKNOWN, BROKEN, "")
CALLS, STEPS = 120, 5
WAIT_S = 0.5
"""For an answer that may not come."""
ANSWER_S = 8.0
"""For one that has to come."""
APART_S = 0.15
"""Between two calls: the wheel's build has 64 sockets, and what there is no room for is refused."""


class Wrong(Phone):
    """A telephone that offers and answers as it likes, and otherwise does as it should: it answers a BYE."""

    to_tag = ""
    cseq = 1
    answers_bye = True
    wait_s = ANSWER_S

    def receive(self) -> Response:
        while True:
            response = super().receive()
            if response.text.startswith("SIP/2.0 "):
                return response
            if response.text.startswith("BYE ") and self.answers_bye:
                kept = ("via:", "from:", "to:", "call-id:", "cseq:")
                lines = [line for line in response.text.split("\r\n") if line.lower().startswith(kept)]
                self.send(("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0"]) + "\r\n\r\n").encode())

    def invite(self, body: str, *extra: str) -> int:
        """The status, or 0 for none within `wait_s`."""
        self.cseq += 1
        self.socket.settimeout(self.wait_s)
        self.send(self.request("INVITE", *extra, cseq=self.cseq, to_tag=self.to_tag, body=body))
        with suppress(TimeoutError):
            while True:
                response = self.receive()
                if response.status >= 200 and response.header("CSeq") == f"{self.cseq} INVITE":
                    self.to_tag = self.to_tag or response.to_tag
                    return response.status
        return 0

    def acknowledge(self, body: str = "") -> None:
        self.send(self.request("ACK", cseq=self.cseq, to_tag=self.to_tag, body=body))

    def ask_in_call(self, method: str, body: str = "", *extra: str) -> int:
        self.cseq += 1
        self.socket.settimeout(self.wait_s)
        self.send(self.request(method, *extra, cseq=self.cseq, to_tag=self.to_tag, body=body))
        with suppress(TimeoutError):
            while True:
                response = self.receive()
                if response.status >= 200 and response.header("CSeq") == f"{self.cseq} {method}":
                    return response.status
        return 0


def worker(bot: BotProcess) -> object:
    return json.loads(bot.get("/api/status"))["workers"][0]["pid"]


@contextmanager
def same_process(made: BotProcess) -> Iterator[None]:
    """Afterwards it is the process that it was, has no calls, and each has its record."""
    before = worker(made)
    yield
    made.wait_for(lambda: made.metric("offhook_calls_active") == 0, 50.0)
    assert worker(made) == before, made.log()
    made.wait_for(lambda: all(record["end"] for record in made.records()))


@contextmanager
def lives(bot: BotProcess) -> Iterator[None]:
    """Afterwards the process is the same, answers an OPTIONS, and takes a call."""
    with same_process(bot):
        yield
    with same_process(bot), Wrong((bot.host, bot.port)) as phone:
        assert phone.insist(phone.request("OPTIONS")).status == 200
    with same_process(bot), Wrong((bot.host, bot.port)) as phone:
        assert phone.invite(AUDIO) == 200
        phone.acknowledge()
        assert phone.ask_in_call("BYE") == 200


@pytest.fixture
def bot(start_bot: Callable[..., BotProcess]) -> Iterator[BotProcess]:
    """At the end of the test it takes a call."""
    low, high = own_ports(40)
    made = start_bot(
        "--bench-engines",
        OFFHOOK_SIP__BACKEND="pjsua2",
        OFFHOOK_RTP__PORT_MIN=str(low),
        OFFHOOK_RTP__PORT_MAX=str(high),
    )
    with same_process(made):
        yield made
    with same_process(made), Wrong((made.host, made.port)) as phone:
        assert phone.invite(AUDIO) == 200
        phone.acknowledge()
        assert phone.ask_in_call("BYE") == 200
        assert made.record(phone.port)["end_reason"] == "caller hung up"


@pytest.fixture
def phone(bot: BotProcess) -> Iterator[Wrong]:
    with Wrong((bot.host, bot.port)) as made:
        yield made


def refused(bot: BotProcess, status: int) -> float:
    return bot.metric_of("offhook_sip_refused_total", status=str(status))


def test_an_answer_that_nobody_has_asked_for_is_ignored(bot: BotProcess, phone: Wrong) -> None:
    assert phone.invite(AUDIO) == 200
    phone.acknowledge(WITH_VIDEO)
    assert phone.invite(AUDIO) == 200  # the ACK was taken, and its description was no offer
    phone.acknowledge(WITH_VIDEO)
    assert phone.ask_in_call("UPDATE", AUDIO) == 200
    assert phone.ask_in_call("BYE") == 200


def test_an_answer_after_one_that_was_of_no_use(bot: BotProcess, phone: Wrong) -> None:
    """PJSIP has sent a BYE by then, and its offer still waits."""
    phone.answers_bye = False
    assert phone.invite("") == 200
    phone.acknowledge(BROKEN)
    assert phone.invite(AUDIO) == 481
    phone.acknowledge(WITH_VIDEO)
    assert phone.ask_in_call("UPDATE", WITH_TEXT) == 481
    phone.answers_bye = True
    while not phone.is_quiet(2 * WAIT_S):  # until it has answered the BYE
        pass


@pytest.mark.parametrize("body", [AUDIO, WITH_VIDEO])
def test_an_offer_before_the_ack(bot: BotProcess, phone: Wrong, body: str) -> None:
    assert phone.invite(AUDIO) == 200
    first = phone.cseq
    assert phone.ask_in_call("UPDATE", body) == 491
    bot.wait_for(lambda: refused(bot, 491) == 1)
    last, phone.cseq = phone.cseq, first
    phone.acknowledge()
    phone.cseq = last
    assert phone.ask_in_call("BYE") == 200


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_without_an_address(bot: BotProcess, phone: Wrong, method: str) -> None:
    assert phone.invite(AUDIO) == 200
    phone.acknowledge()
    assert (phone.invite if method == "INVITE" else partial(phone.ask_in_call, "UPDATE"))(NOWHERE) == 488
    bot.wait_for(lambda: refused(bot, 488) == 1)
    assert phone.ask_in_call("BYE") == 200


def test_an_offer_in_a_prack_that_has_no_business_there(bot: BotProcess, phone: Wrong) -> None:
    assert phone.invite(AUDIO) == 200
    phone.acknowledge()
    assert phone.ask_in_call("PRACK", AUDIO, "RAck: 1 2 INVITE") == 488
    assert phone.ask_in_call("BYE") == 200


def test_any_of_them_in_any_order(bot: BotProcess) -> None:
    chance = random.Random(10)
    seen: set[int] = set()
    for _ in range(CALLS):
        time.sleep(APART_S)
        with Wrong((bot.host, bot.port)) as phone:
            phone.wait_s = WAIT_S
            seen.add(status := phone.invite(chance.choice(DESCRIPTIONS)))
            if status != 200:
                continue
            phone.acknowledge(chance.choice(DESCRIPTIONS))
            for _ in range(chance.randrange(STEPS)):
                body = chance.choice(DESCRIPTIONS)
                if chance.random() < 0.5:
                    seen.add(phone.invite(body))
                    phone.acknowledge(chance.choice(DESCRIPTIONS))
                else:
                    seen.add(phone.ask_in_call(chance.choice(("UPDATE", "UPDATE", "PRACK", "INFO")), body))
            phone.ask_in_call("BYE")
    assert {200, 481, 488} <= seen

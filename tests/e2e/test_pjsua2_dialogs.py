"""Requests that belong to no call, or to one that is not there yet, or no more: the bot goes on, over either backend,
and so do calls. PJSIP finds its dialogs by the tags alone, and ends its process, or keeps what it does not answer."""

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.backends import BACKENDS, settings_of
from tests.e2e.callee import GOOD, Callee
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_calls_out import ask, record, start, until
from tests.e2e.test_pjsua2_messages import Odd
from tests.e2e.test_pjsua2_offers import ANSWER_S, APART_S, AUDIO, WAIT_S, WITH_VIDEO, lives, pytestmark

__all__ = ["pytestmark"]

RING_MS = 1_500
KEYS = {"Signal=1": 400, "Signal=1\n": 400, "Signal=1\r": 400, "Signal=1\r\n": 200}
"""Bodies of an INFO before the answer, and what they get over PJSIP."""


class Stranger(Odd):
    """A telephone that can say another Call-ID than its call has."""

    def other_call(self, *, other: bool) -> None:
        self.swapped = ((f"Call-ID: {self.call_id}", "Call-ID: somebody-elses"),) if other else ()


@pytest.mark.parametrize("backend", BACKENDS)
def test_another_call_id(start_bot: Callable[..., BotProcess], backend: str) -> None:
    """It is another call (RFC 3261 §12)."""
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot):
        for method, body in (("ACK", AUDIO), ("ACK", WITH_VIDEO), ("UPDATE", WITH_VIDEO), ("INVITE", AUDIO)):
            time.sleep(APART_S)
            with Stranger((bot.host, bot.port)) as phone:
                assert phone.invite(AUDIO) == 200
                first = phone.cseq
                phone.other_call(other=True)
                if method == "ACK":
                    phone.acknowledge(body)
                else:
                    assert phone.ask_in_call(method, body) == 481, method
                for each in ("INFO", "BYE"):
                    assert phone.ask_in_call(each) == 481, each
                phone.other_call(other=False)
                last, phone.cseq = phone.cseq, first
                phone.acknowledge()
                phone.cseq = last
                assert phone.ask_in_call("BYE") == 200, method


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_invite_in_a_call_that_is_over(start_bot: Callable[..., BotProcess], backend: str) -> None:
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot), Odd((bot.host, bot.port)) as phone:
        assert phone.invite(AUDIO) == 200
        phone.acknowledge()
        assert phone.ask_in_call("BYE") == 200
        for body in ("", AUDIO):
            assert phone.ask_in_call("INVITE", body) == 481


def keyed(phone: Odd, body: str) -> int:
    """The answer to an INFO with that body."""
    phone.swapped = (("application/sdp", "application/dtmf-relay"),)
    status = phone.ask_in_call("INFO", body)
    phone.swapped = ()
    return status


def test_keys_before_the_answer(start_bot: Callable[..., BotProcess]) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__ANSWER_DELAY_MS=str(RING_MS), **settings_of("pjsua2"))
    with lives(bot):
        for body, status in KEYS.items():
            time.sleep(APART_S)
            with Odd((bot.host, bot.port)) as phone:
                phone.cseq += 1
                phone.send(phone.request("INVITE", cseq=phone.cseq, body=AUDIO))
                while (ringing := phone.receive()).status == 100:
                    pass
                assert ringing.status == 180
                phone.to_tag = ringing.to_tag
                assert keyed(phone, body) == status, body
                for method in ("MESSAGE", "SUBSCRIBE", "update"):
                    assert phone.ask_in_call(method) == (501 if method == "update" else 405), method
                assert phone.ask_in_call("BYE") == 200


def test_a_copy_by_another_connection(start_bot: Callable[..., BotProcess]) -> None:
    """It is no copy that a caller sends (RFC 3261 §17.1.1.2): PJSIP would answer it to the connection of the first."""
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__ANSWER_DELAY_MS=str(RING_MS), **settings_of("pjsua2"))
    with (
        lives(bot),
        Odd((bot.host, bot.port)) as phone,
        socket.create_connection((bot.host, bot.port), ANSWER_S) as first,
        socket.create_connection((bot.host, bot.port), ANSWER_S) as second,
    ):
        invite = phone.request("INVITE", branch="z9hG4bK-copied", body=AUDIO).replace(b"/UDP", b"/TCP")
        first.sendall(invite)
        heard = b""
        while b"SIP/2.0 180" not in heard:
            heard += first.recv(65_535)
        for send in (second.sendall, phone.send):
            send(invite)
            phone.insist(phone.request("OPTIONS"))  # it has been looked at by then
        first.sendall(phone.request("CANCEL", branch="z9hG4bK-copied").replace(b"/UDP", b"/TCP"))
        while b"SIP/2.0 487" not in heard:
            heard += first.recv(65_535)
        assert heard.count(b"SIP/2.0 180") == 1


def test_keys_in_a_call(start_bot: Callable[..., BotProcess]) -> None:
    """Whatever PJSIP would make of them: they are in the call by their tags in other letters, and not readable."""
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    with lives(bot), Odd((bot.host, bot.port)) as phone:
        assert phone.invite(AUDIO) == 200
        phone.acknowledge()
        tag, phone.to_tag = phone.to_tag, phone.to_tag.swapcase()
        assert keyed(phone, "Signal=1") == 200
        phone.to_tag, phone.swapped = tag, (("Content-Length: 0", "Content-Length: 99"),)
        assert phone.ask_in_call("INFO") == 400
        phone.swapped = ()
        assert phone.ask_in_call("BYE") == 200


class Hasty(Callee):
    """A telephone that has requests before it answers."""

    hasty: tuple[tuple[str, str, str], ...] = ()
    """Method, the parameters of From, and a body."""

    def _answer(self, request: str, source: tuple[str, int]) -> None:
        if request.startswith("INVITE ") and not self.invite:
            found = dict(re.findall(r"^(From|To|Call-ID): (.*)\r$", request, re.MULTILINE))
            for cseq, (method, tag, body) in enumerate(self.hasty, 1):
                lines = (
                    f"{method} sip:bot@{source[0]}:{source[1]} SIP/2.0",
                    f"Via: SIP/2.0/UDP {HOST}:{self.port};rport;branch=z9hG4bK-{cseq}-{found['Call-ID']}",
                    f"From: {found['To']}{tag}",
                    f"To: {found['From']}",
                    f"Call-ID: {found['Call-ID']}",
                    f"CSeq: {cseq} {method}",
                    f"Contact: <sip:callee@{HOST}:{self.port}>",
                    *(("Content-Type: application/sdp",) if body else ()),
                    f"Content-Length: {len(body)}",
                    "",
                    body,
                )
                self._socket.sendto("\r\n".join(lines).encode(), source)
            time.sleep(WAIT_S)
        super()._answer(request, source)


@pytest.mark.parametrize("backend", BACKENDS)
def test_requests_before_an_answer(start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str) -> None:
    """There is no dialog (RFC 3261 §12.1): all but the ACKs get 481."""
    asked = tuple(
        (method, tag, body)
        for tag in (";tag=one", ";tag=two", "")
        for method, body in (("BYE", ""), ("INVITE", ""), ("INVITE", AUDIO), ("UPDATE", AUDIO), ("ACK", AUDIO))
    )
    with Hasty() as callee:
        callee.hasty = asked
        bot = start(start_bot, tmp_path, callee.port, **settings_of(backend))
        with lives(bot):
            call = callee.called(bot, (GOOD,))
            until(bot, call, "answered")
            bot.wait_for(lambda: callee.methods.count("SIP/2.0") == sum(method != "ACK" for method, _, _ in asked))
            ask(bot, "DELETE", f"/api/calls/{call}")
            assert record(bot, call)["disposition"] == "ANSWERED"

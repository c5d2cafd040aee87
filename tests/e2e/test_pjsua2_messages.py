"""Messages that no proper element sends, in calls to the bot: it goes on, over either backend, and so do calls. PJSIP
takes for granted what these have not, and ends its process."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.e2e.backends import BACKENDS, settings_of
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_pjsua2_offers import (
    ANSWER_S,
    APART_S,
    AUDIO,
    WAIT_S,
    Wrong,
    lives,
    pytestmark,
)

__all__ = ["pytestmark"]

TAKEN, REFUSED, NO_ANSWER = 200, 400, 0


class Odd(Wrong):
    """A telephone some of whose words are others: each (what it would say, what it says instead)."""

    swapped: tuple[tuple[str, str], ...] = ()

    def send(self, data: bytes) -> None:
        for usual, other in self.swapped:
            assert usual.encode() in data, usual
            data = data.replace(usual.encode(), other.encode(), 1)
        super().send(data)


INVITES = {
    "no route": ((), TAKEN),
    "a route by telephone": (("Record-Route: <tel:+15550100>",), REFUSED),
    "a route by telephone in a context": (("Record-Route: <TEL:100;phone-context=example.com>",), REFUSED),
    "a route by mail": (("Record-Route: <mailto:a@example.com>",), REFUSED),
    "the second route": (("Record-Route: <sip:127.0.0.1:9;lr>, <tel:+15550100>",), REFUSED),
    "the second field": (("Record-Route: <sip:127.0.0.1:9;lr>", "Record-Route: <urn:x:y>"), REFUSED),
    "a route that it was to take": (("Route: <tel:+15550100>",), TAKEN),
    "a second contact": (("Contact: <tel:+15550100>",), TAKEN),
    "an asterisk for a second contact": (("Contact: *",), TAKEN),
    "who it is from": (("Referred-By: <tel:+15550100>", "P-Asserted-Identity: <tel:+15550100>"), TAKEN),
}
"""Header fields that are added, and the answer over PJSIP. Our own SIP takes all: it sends nothing to such a route."""

WRONG = {
    "a CSeq of another method": ((" INVITE\r\nContact", " BYE\r\nContact"), REFUSED),
    "a CSeq of an ACK": ((" INVITE\r\nContact", " ACK\r\nContact"), REFUSED),
    "a second CSeq": (("Contact:", "CSeq: 9 BYE\r\nContact:"), REFUSED),
    "a second CSeq of its own": (("Contact:", "CSeq: 9 INVITE\r\nContact:"), REFUSED),
    "a second From": (("Contact:", "From: <sip:b@192.0.2.1>;tag=2\r\nContact:"), REFUSED),
    "a second To": (("Contact:", "To: <sip:b@192.0.2.1>\r\nContact:"), REFUSED),
    "a second Call-ID": (("Contact:", "Call-ID: 2\r\nContact:"), REFUSED),
    "a Via of nobody": ((f"UDP {HOST}:{{port}}", "UDP []"), REFUSED),
    "a Via of nobody, at a port": ((f"UDP {HOST}:{{port}}", "UDP []:5060"), REFUSED),
    "a Contact nowhere": ((f"Contact: <sip:qa@{HOST}:{{port}}>", "Contact: <sip:qa@[]>"), REFUSED),
    "a Contact nowhere by TCP": ((f"Contact: <sip:qa@{HOST}:{{port}}>", "Contact: <sip:[]:1;transport=tcp>"), REFUSED),
    "a route nowhere": (("Max-Forwards: 70", "Record-Route: <sip:[];lr>"), REFUSED),
    "a second route nowhere": (("Max-Forwards: 70", "Record-Route: <sip:127.0.0.1:9;lr>, <sip:a@[]>"), REFUSED),
    "a caller nowhere": ((f"From: <sip:qa@{HOST}:{{port}}>", "From: <sip:qa@[]>"), NO_ANSWER),
    "a bot nowhere": ((f"To: <sip:bot@{HOST}>", "To: <sip:bot@[]>"), NO_ANSWER),
    "a bot and a route nowhere": ((f"To: <sip:bot@{HOST}>", "To: <sip:[]>\r\nRecord-Route: <sip:[]>"), NO_ANSWER),
}
"""What an INVITE says, what it says instead, and the answer over PJSIP; our own SIP refuses them all."""

WRONG_IN_A_CALL = tuple(
    (method, usual, other, status)
    for method in ("INVITE", "UPDATE", "INFO", "NOTIFY", "REFER", "ACK", "BYE")
    for usual, other, status in (
        (f" {method}\r\nContact", " FOO\r\nContact", REFUSED),
        (f" {method}\r\nContact", f" {method}\r\nCSeq: 1 BYE\r\nContact", REFUSED),
        (f"To: <sip:bot@{HOST}>", "To: <sip:[]>", NO_ANSWER),
        ("Max-Forwards: 70", "Record-Route: <sip:[]>", TAKEN),
    )
)

IN_A_CALL = tuple(
    (method, extra)
    for method in ("INVITE", "UPDATE", "OPTIONS", "INFO", "NOTIFY", "REFER", "BYE")
    for extra in ("Record-Route: <tel:+15550100>", "Contact: <tel:+15550100>", "Contact: *")
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_in_and_what_comes_in_them(start_bot: Callable[..., BotProcess], backend: str) -> None:
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot):
        for what, (extra, status) in INVITES.items():
            time.sleep(APART_S)
            with Wrong((bot.host, bot.port)) as phone:
                expected = status if backend == "pjsua2" else TAKEN
                assert phone.invite(AUDIO, *extra) == expected, what
                phone.send(phone.request("ACK", *extra, cseq=phone.cseq, to_tag=phone.to_tag))
                if expected == TAKEN:
                    assert phone.ask_in_call("BYE") == 200, what
        if backend == "pjsua2":
            refused = sum(status == REFUSED for _, status in INVITES.values())
            bot.wait_for(lambda: bot.metric_of("offhook_sip_refused_total", status="400") == refused)


@pytest.mark.parametrize("backend", BACKENDS)
def test_requests_in_a_call(start_bot: Callable[..., BotProcess], backend: str) -> None:
    """They change no route (RFC 3261 §12.2), and the call goes on where it went before."""
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot):
        for method, extra in IN_A_CALL:
            time.sleep(APART_S)
            with Odd((bot.host, bot.port)) as phone:
                assert phone.invite(AUDIO) == 200
                phone.acknowledge()
                added = extra.startswith("Record-Route")
                if not added:
                    phone.swapped = ((f"Contact: <sip:qa@{HOST}:{phone.port}>", extra),)
                fields = (extra,) if added else ()
                if method == "INVITE":
                    assert phone.invite(AUDIO, *fields) == 200, extra
                    phone.acknowledge()
                else:
                    assert phone.ask_in_call(method, AUDIO if method == "UPDATE" else "", *fields), (method, extra)
                if method != "BYE":
                    phone.swapped = ()
                    assert phone.ask_in_call("BYE") == 200, (method, extra)


def answered(phone: Odd, data: bytes, wait_s: float = ANSWER_S) -> int:
    """The status, or 0."""
    phone.send(data)
    phone.socket.settimeout(wait_s)
    with suppress(TimeoutError):
        while (status := phone.receive().status) < 200:
            pass
        return status
    return 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_invites_of_nobody(start_bot: Callable[..., BotProcess], backend: str) -> None:
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot):
        for what, ((usual, other), status) in WRONG.items():
            with Odd((bot.host, bot.port)) as phone:
                phone.swapped = ((usual.format(port=phone.port), other),)
                expected = status if backend == "pjsua2" else REFUSED
                wait_s = ANSWER_S if expected else WAIT_S
                assert answered(phone, phone.request("INVITE", body=AUDIO), wait_s) == expected, what
        if backend == "pjsua2":
            refused = sum(status == REFUSED for _, status in WRONG.values())
            bot.wait_for(lambda: bot.metric_of("offhook_sip_refused_total", status="400") >= refused)


def test_requests_of_nobody_in_a_call(start_bot: Callable[..., BotProcess]) -> None:
    """The call goes on."""
    bot = start_bot("--bench-engines", **settings_of("pjsua2"))
    with lives(bot):
        for method, usual, other, status in WRONG_IN_A_CALL:
            time.sleep(APART_S)
            with Odd((bot.host, bot.port)) as phone:
                assert phone.invite(AUDIO) == 200
                phone.acknowledge()
                phone.swapped = ((usual, other),)
                phone.cseq += 1
                body = AUDIO if method in ("INVITE", "UPDATE") else ""
                request = phone.request(method, cseq=phone.cseq, to_tag=phone.to_tag, body=body)
                wait_s = ANSWER_S if status and method != "ACK" else WAIT_S
                found = answered(phone, request, wait_s)
                assert found == (NO_ANSWER if method == "ACK" else status) or status == TAKEN, (method, other)
                phone.swapped = ()
                if not (method == "BYE" and status == TAKEN):
                    assert phone.ask_in_call("BYE") == 200, (method, other)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["BYE", "PRACK", "UPDATE", "NOTIFY"])
def test_requests_of_no_call(start_bot: Callable[..., BotProcess], backend: str, method: str) -> None:
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot), Odd((bot.host, bot.port)) as phone:
        assert answered(phone, phone.request(method, "RAck: 1 1 INVITE")) == 481
        assert answered(phone, phone.request(method, "RAck: 1 1 INVITE", to_tag="no")) == 481


@pytest.mark.parametrize("backend", BACKENDS)
def test_callers_and_bots_with_telephone_numbers(start_bot: Callable[..., BotProcess], backend: str) -> None:
    """They may have them (RFC 3261 §19.1.6, RFC 3966)."""
    bot = start_bot("--bench-engines", **settings_of(backend))
    with lives(bot):
        for header in ("From: <sip:qa@{host}:{port}>", "To: <sip:bot@{host}>"):
            with Odd((bot.host, bot.port)) as phone:
                usual = header.format(host=HOST, port=phone.port)
                phone.swapped = ((usual, f"{usual.partition(':')[0]}: <tel:+15550100>"),)
                assert phone.invite(AUDIO) == 200, header
                phone.acknowledge()
                assert phone.ask_in_call("BYE") == 200, header

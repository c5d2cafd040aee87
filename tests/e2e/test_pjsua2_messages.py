"""Messages that no proper element sends, in calls: the bot goes on, over either backend, and so do calls. PJSIP takes
for granted what these have not, and ends its process."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_calls_out import ask, place, record, start, until
from tests.e2e.test_pjsua2_offers import (
    ANSWER_S,
    APART_S,
    AUDIO,
    NOWHERE,
    PORT,
    UNKNOWN,
    WAIT_S,
    WITH_VIDEO,
    Wrong,
    pytestmark,
    same_process,
)
from tests.ports import own_ports

__all__ = ["pytestmark"]

BACKENDS = ("own", "pjsua2")
NO_AUDIO = AUDIO.replace(f"audio {PORT}", "audio 0")
SECURE = AUDIO.replace("RTP/AVP", "RTP/SAVP")
SPACED = AUDIO.replace("c=IN IP4 ", f"c=IN IP4 {chr(0x0B) * 300}")
CHALLENGE = 'Proxy-Authenticate: Digest realm="a", nonce="b"'
TAKEN, REFUSED, NO_ANSWER = 200, 400, 0


class Odd(Wrong):
    """A telephone some of whose words are others: each (what it would say, what it says instead)."""

    swapped: tuple[tuple[str, str], ...] = ()

    def send(self, data: bytes) -> None:
        for usual, other in self.swapped:
            assert usual.encode() in data, usual
            data = data.replace(usual.encode(), other.encode(), 1)
        super().send(data)


@dataclass(frozen=True)
class Step:
    """A response to the bot's INVITE. `contact` "": none."""

    status: int
    tag: str = "one"
    body: str = ""
    contact: str = "Contact: <sip:callee@{host}:{port}>"
    more: tuple[str, ...] = ()
    swapped: tuple[tuple[str, str], ...] = ()
    """Patterns, and what is there instead."""


@dataclass
class Callee:
    """Answers the bot's INVITE by these steps, its CANCEL as `crossing` says, and all else with 200."""

    steps: tuple[Step, ...] = ()
    crossing: Step = field(default_factory=lambda: Step(487))
    registered: tuple[str, ...] = ()
    """Header fields of the answers to a REGISTER."""
    challenged: str = ""
    """A method that is asked for a password, once the INVITE is refused."""
    seen_at: str = ""
    """Where these say that it came from (RFC 3261 §18.2.1)."""

    def __post_init__(self) -> None:
        self.methods: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.1)
        self.port = int(self._socket.getsockname()[1])
        self.invite = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def called(self, bot: BotProcess, steps: tuple[Step, ...]) -> str:
        """Have the bot call, and answer it by these; its id."""
        time.sleep(APART_S)
        self.steps, self.invite = steps, ""
        self.methods.clear()
        return place(bot)

    def _serve(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                data, source = self._socket.recvfrom(65_535)
                self._answer(data.decode(), source)

    def _answer(self, request: str, source: tuple[str, int]) -> None:
        method = request.partition(" ")[0]
        if method == "INVITE" and not self.invite:
            self.invite = request
            for step in self.steps:
                self._reply(request, step, source)
                time.sleep(APART_S if step.body and step.status < 200 else 0.0)  # PJSIP gives up later
        elif method == self.challenged:
            self._reply(self.invite, Step(487), source)
            self._reply(request, Step(407, more=(CHALLENGE,)), source)
        elif method == "CANCEL":
            self._reply(request, Step(200), source)
            self._reply(self.invite, self.crossing, source)
        elif method == "REGISTER":
            swapped = ((r"^(Via: [^\r]*)", rf"\1;received={self.seen_at}"),) if self.seen_at else ()
            self._reply(request, Step(200, contact="", more=self.registered, swapped=swapped), source)
        elif method != "ACK" and not (method == "INVITE" and request == self.invite):
            self._reply(request, Step(200), source)
        self.methods.append(method)

    def _reply(self, request: str, step: Step, source: tuple[str, int]) -> None:
        lines = [f"SIP/2.0 {step.status} Anything"]
        for line in re.findall(r"^(?:Via|From|To|Call-ID|CSeq): .*(?=\r$)", request, re.MULTILINE):
            untagged = line.startswith("To:") and ";tag=" not in line and step.tag
            lines.append(f"{line};tag={step.tag}" if untagged else line)
        more = ([step.contact] if step.contact else []) + [*step.more]
        lines += [
            *(line.format(host=HOST, port=self.port) for line in more),
            *(["Content-Type: application/sdp"] if step.body else []),
        ]
        message = "\r\n".join([*lines, f"Content-Length: {len(step.body)}", "", step.body])
        for usual, other in step.swapped:
            message, found = re.subn(usual, other, message, count=1, flags=re.MULTILINE)
            assert found, usual
        self._socket.sendto(message.encode(), source)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()


def settings(backend: str) -> dict[str, str]:
    low, high = own_ports(40)
    return {"OFFHOOK_SIP__BACKEND": backend, "OFFHOOK_RTP__PORT_MIN": str(low), "OFFHOOK_RTP__PORT_MAX": str(high)}


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


# --- in

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
    bot = start_bot("--bench-engines", **settings(backend))
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
    bot = start_bot("--bench-engines", **settings(backend))
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
    bot = start_bot("--bench-engines", **settings(backend))
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
    bot = start_bot("--bench-engines", **settings("pjsua2"))
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
    bot = start_bot("--bench-engines", **settings(backend))
    with lives(bot), Odd((bot.host, bot.port)) as phone:
        assert answered(phone, phone.request(method, "RAck: 1 1 INVITE")) == 481
        assert answered(phone, phone.request(method, "RAck: 1 1 INVITE", to_tag="no")) == 481


@pytest.mark.parametrize("backend", BACKENDS)
def test_callers_and_bots_with_telephone_numbers(start_bot: Callable[..., BotProcess], backend: str) -> None:
    """They may have them (RFC 3261 §19.1.6, RFC 3966)."""
    bot = start_bot("--bench-engines", **settings(backend))
    with lives(bot):
        for header in ("From: <sip:qa@{host}:{port}>", "To: <sip:bot@{host}>"):
            with Odd((bot.host, bot.port)) as phone:
                usual = header.format(host=HOST, port=phone.port)
                phone.swapped = ((usual, f"{usual.partition(':')[0]}: <tel:+15550100>"),)
                assert phone.invite(AUDIO) == 200, header
                phone.acknowledge()
                assert phone.ask_in_call("BYE") == 200, header


# --- out

GOOD = Step(200, body=AUDIO)


def with_contact(contact: str, *more: str) -> Step:
    return Step(200, body=AUDIO, contact=contact, more=more)


ANSWERS = {
    "a telephone": (with_contact("Contact: <tel:+15550100>"),),
    "mail": (with_contact("Contact: <mailto:a@example.com>"),),
    "anything": (with_contact("Contact: *"),),
    "no contact": (with_contact(""),),
    "a telephone first": (with_contact("Contact: <tel:+15550100>, <sip:callee@{host}:{port}>"),),
    "a route by telephone": (with_contact(Step(200).contact, "Record-Route: <tel:+15550100>"),),
    "a second route": (with_contact(Step(200).contact, "Record-Route: <sip:{host}:{port};lr>, <tel:+15550100>"),),
    "ringing by telephone": (Step(180, contact="Contact: <tel:+15550100>"), GOOD),
    "ringing anywhere": (Step(180, contact="Contact: *", more=("Record-Route: <urn:x:y>",)), GOOD),
    "another phone's telephone": (with_contact("Contact: <tel:+15550100>"), Step(200, "two", AUDIO)),
    "a second phone's telephone": (GOOD, Step(200, "two", AUDIO, contact="Contact: <tel:+15550100>")),
    "no tag": (Step(200, "", AUDIO),),
    "no tag after ringing": (Step(180), Step(200, "", AUDIO)),
    "ringing without a tag": (Step(180, ""), GOOD),
    "a second phone without a tag": (GOOD, Step(200, "", AUDIO)),
    "a second phone with a tag": (Step(200, "", AUDIO), GOOD),
    "no audio early": (Step(183, body=NO_AUDIO), GOOD),
    "no audio early from another phone": (Step(183, "two", NO_AUDIO), GOOD),
    "no codec of ours early": (Step(183, body=UNKNOWN), GOOD),
    "keys early": (Step(183, body=SECURE), GOOD),
    "no address early": (Step(183, body=NOWHERE), GOOD),
    "white space for an address early": (Step(183, body=SPACED), GOOD),
    "ringing for an ACK": (Step(180, swapped=((r" INVITE(?=\r$)", " ACK"),)), GOOD),
    "ringing for a BYE": (Step(180, swapped=((r" INVITE(?=\r$)", " BYE"),)), GOOD),
    "an answer for an ACK": (Step(200, body=AUDIO, swapped=((r" INVITE(?=\r$)", " ACK"),)), GOOD),
    "ringing by a second CSeq": (Step(180, more=("CSeq: 1 BYE",)), GOOD),
    "ringing of nobody": (Step(180, swapped=(("From: <[^>]*>", "From: <sip:[]>"),)), GOOD),
    "ringing for nobody": (Step(180, swapped=((r"^To: [^;\r]*", "To: <sip:[]>"),)), GOOD),
    "ringing nowhere": (Step(180, contact="Contact: <sip:a@[]>", more=("Record-Route: <sip:[];lr>",)), GOOD),
    "no audio early, twice": (Step(183, body=NO_AUDIO), Step(183, "two", UNKNOWN), GOOD),
}
"""What a callee sends: these calls are answered."""

ANSWERS_NOWHERE = {
    "nowhere": (with_contact("Contact: <sip:callee@[]>"),),
    "a route nowhere": (with_contact(Step(200).contact, "Record-Route: <sip:[];lr>"),),
}
"""Such fields are left out over PJSIP; to our own SIP these are no answers."""

GIVEN_UP = {
    "more lines early": (Step(183, body=WITH_VIDEO), GOOD),
    "no audio": (Step(200, body=NO_AUDIO),),
    "no codec of ours": (Step(200, body=UNKNOWN),),
    "no audio early, nor later": (Step(183, body=NO_AUDIO), Step(200, "two", UNKNOWN)),
    "no audio early, and nothing later": (Step(183, body=NO_AUDIO), Step(200)),
    "no audio early, as its answer": (Step(183, body=NO_AUDIO, more=("Require: 100rel", "RSeq: 1")), GOOD),
    "nowhere else": (Step(302, contact="Contact: *"),),
    "nobody elsewhere": (Step(302, contact="Contact: <sip:a@[]>"),),
    "a telephone elsewhere": (Step(302, contact="Contact: <tel:+15550100>"),),
}
"""These end somehow: what is negotiated at last is of no use, or nobody is there."""


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_out(start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str) -> None:
    with Callee() as callee:
        bot = start(start_bot, tmp_path, callee.port, **settings(backend))
        with lives(bot):
            for what, steps in {**ANSWERS, **(ANSWERS_NOWHERE if backend == "pjsua2" else {})}.items():
                call = callee.called(bot, steps)
                assert until(bot, call, "answered")["trunk"] == "provider", what
                bot.wait_for(lambda: "ACK" in callee.methods)
                assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
                assert record(bot, call)["disposition"] == "ANSWERED", what
                bot.wait_for(lambda: "BYE" in callee.methods)


@pytest.mark.parametrize("backend", BACKENDS)
def test_calls_out_without_media(start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str) -> None:
    with Callee(crossing=GOOD) as callee:
        bot = start(start_bot, tmp_path, callee.port, **settings(backend))
        with lives(bot):
            for steps in GIVEN_UP.values():
                call = callee.called(bot, steps)
                bot.wait_for(lambda: bool({"BYE", "CANCEL", "ACK"} & {*callee.methods}))
                ask(bot, "DELETE", f"/api/calls/{call}")
                assert record(bot, call)["end"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", ["CANCEL", "PRACK"])
def test_passwords_for_a_call_that_is_over(
    start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str, method: str
) -> None:
    """PJSIP would send its requests again, in a session that it has released; our own SIP does."""
    ringing = Step(180, more=("Require: 100rel", "RSeq: 1") if method == "PRACK" else ())
    with Callee(challenged=method) as callee:
        bot = start(start_bot, tmp_path, callee.port, **settings(backend))
        with lives(bot):
            call = callee.called(bot, (ringing,))
            if method == "CANCEL":
                bot.wait_for(lambda: "INVITE" in callee.methods)
                assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
            assert record(bot, call)["disposition"] != "ANSWERED"
            bot.wait_for(lambda: {method, "ACK"} <= {*callee.methods})
        assert callee.methods.count(method) == 1 or backend == "own"


@pytest.mark.parametrize("backend", BACKENDS)
def test_answers_that_cross_our_cancel(start_bot: Callable[..., BotProcess], tmp_path: Path, backend: str) -> None:
    """They are acknowledged, and hung up (RFC 3261 §9.1, §15)."""
    crossing = (GOOD, Step(200, "two", AUDIO), Step(200, "", AUDIO), Step(200, body=NO_AUDIO))
    early = (Step(180), Step(183, body=AUDIO), Step(183, body=NO_AUDIO))
    with Callee() as callee:
        bot = start(start_bot, tmp_path, callee.port, **settings(backend))
        with lives(bot):
            for step in early:
                for callee.crossing in crossing:
                    call = callee.called(bot, (step,))
                    bot.wait_for(lambda: "INVITE" in callee.methods)
                    assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
                    assert record(bot, call)["disposition"] != "ANSWERED"
                    bot.wait_for(lambda: {"CANCEL", "ACK", "BYE"} <= {*callee.methods})

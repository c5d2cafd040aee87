"""What is answered in PJSIP's place."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")

from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.pjsua2.objects import PjCall
from offhook.carriers.pjsua2.requests import CHANGE, MOST_ASKED, PASS, TAKE, Requests
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Reject
from offhook.sip.errors import LocalError
from offhook.sip.events import CallRefused, Event, KeyReceived, PasswordWithheld, RequestRefused
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.refer.commands import AcceptRefer, RejectRefer
from offhook.sip.refer.events import ReferReceived

CALLER = Address("192.0.2.9", 5060)
OURS, THEIRS = "bot1", "ann1"
TRUNK = {"host": "192.0.2.7", "user": "bot", "password": "s3cret", "addresses": ("198.51.100.0/24",)}


class Bot:
    """`Requests` with a call in it, and what it has sent and reported."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, dict[str, str]]] = []
        self.events: list[Event | Probed] = []
        config = Config.model_validate({"sip": {"backend": "pjsua2"}, "trunks": {"office": TRUNK}})
        self.has_room = True
        self.requests = Requests(config, self._respond, lambda host: "", self.events.append, lambda: self.has_room)
        self.call = cast(
            PjCall,
            SimpleNamespace(
                handle="c", trunk="office", meant=frozenset({"192.0.2.7"}), released=False, dialog_id=("", "", "")
            ),
        )
        self.requests.confirmed(self.call, request("ACK"))

    def _respond(self, copy: object, status: int, reason: str | None, headers: tuple[tuple[str, str], ...]) -> bool:
        self.sent.append((status, dict(headers)))
        return True

    def get(self, message: Request, source: Address = CALLER) -> int:
        return self.requests.look(bytes(message), str(source), object())

    @property
    def statuses(self) -> list[int]:
        return [status for status, _ in self.sent]


def request(
    method: str, *more: str, cseq: int = 1, to_tag: str = OURS, from_tag: str = THEIRS, body: str = ""
) -> Request:
    tag = f";tag={to_tag}" if to_tag else ""
    lines = (
        f"{method} sip:bot@192.0.2.1 SIP/2.0",
        f"Via: SIP/2.0/UDP {CALLER};branch=z9hG4bK{method}{cseq}",
        f"From: <sip:ann@{CALLER}>;tag={from_tag}",
        f"To: <sip:bot@192.0.2.1>{tag}",
        "Call-ID: abc",
        f"CSeq: {cseq} {method}",
        *more,
        f"Content-Length: {len(body)}",
        "",
        body,
    )
    found = parse("\r\n".join(lines).encode())
    assert isinstance(found, Request)
    return found


def key(digit: str, cseq: int) -> Request:
    return request("INFO", "Content-Type: application/dtmf", cseq=cseq, body=digit)


def refer(cseq: int, to: str = "<sip:desk@192.0.2.8>") -> Request:
    return request("REFER", f"Refer-To: {to}", cseq=cseq)


def test_options_outside_of_calls_wait_for_who_admits_calls() -> None:
    bot = Bot()
    assert bot.get(request("OPTIONS", to_tag="")) == TAKE
    assert bot.get(request("OPTIONS", to_tag="")) == TAKE
    first, second = (each for each in bot.events if isinstance(each, Probed))
    assert (first.source, bot.sent) == (CALLER, [])
    assert bot.requests.do(Answer(first.call, b""))
    assert bot.requests.do(Reject(second.call, 503, (("Retry-After", "9"),)))
    (yes, capabilities), (no, why) = bot.sent
    assert (yes, no, why) == (200, 503, {"Retry-After": "9"})
    assert {"Allow", "Accept", "Supported"} == set(capabilities)
    assert not bot.requests.do(Answer(first.call, b""))  # it is answered


def test_a_call_without_sockets_for_it_is_told_to_come_later() -> None:
    bot = Bot()
    bot.has_room = False
    assert bot.get(request("INVITE", cseq=2)) == PASS  # within a call
    assert bot.get(request("INVITE", to_tag="")) == TAKE
    ((status, headers),) = bot.sent
    assert (status, list(headers)) == (503, ["Retry-After"])
    (refused,) = bot.events
    assert isinstance(refused, CallRefused)
    assert (refused.status, refused.call_id, refused.source) == (503, "abc", CALLER)
    bot.has_room = True
    assert bot.get(request("INVITE", to_tag="")) == PASS


def test_options_that_nobody_answers_are_no_more_than_there_is_room_for() -> None:
    bot = Bot()
    for _ in range(MOST_ASKED + 1):
        bot.get(request("OPTIONS", to_tag=""))
    assert (len(bot.events), bot.statuses) == (MOST_ASKED, [503])


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request("OPTIONS", cseq=2), 200),
        (request("OPTIONS", "Require: teleport", cseq=2), 420),
        (request("MESSAGE", cseq=2), 405),
        (request("BREW", cseq=2), 501),
        (request("BREW", to_tag=""), 501),
        (request("REGISTER", to_tag=""), 405),
        (request("REFER", to_tag=""), 403),
        (request("INFO", to_tag=""), 481),
        (request("INFO", cseq=2), 200),
        (request("INFO", "Content-Type: text/x", cseq=2, body="x"), 415),
        (refer(2, "<sip:desk@192.0.2.8;method=BYE>"), 400),
    ],
)
def test_each_gets_the_status_that_our_own_sip_gives(message: Request, status: int) -> None:
    bot = Bot()
    assert bot.get(message) == TAKE
    assert bot.statuses == [status]


def test_what_has_another_tag_is_pjsip_s() -> None:
    bot = Bot()
    assert bot.get(request("OPTIONS", cseq=2, to_tag="stranger")) == PASS
    assert bot.get(request("INFO", cseq=2, from_tag="stranger")) == PASS
    assert bot.sent == []


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request("MESSAGE", to_tag="early"), 405),
        (request("update", to_tag="early"), 501),
        (request("INFO", "Content-Type: text/x", to_tag="early", body="x\r\n"), 415),
        (request("INFO", "Content-Type: application/dtmf-relay", to_tag="early", body="Signal=1"), 400),
        (request("INFO", "Content-Type: application/dtmf-relay", to_tag="early", body="Signal=1\n"), 400),
        (request("INFO", "Content-Type: application/dtmf-relay", to_tag="early", body="Signal=1\r\n\0\r\n"), 400),
        (request("INFO", "Content-Type: application/dtmf-relay", to_tag="early", body="Signal=1\r\n"), PASS),
    ],
)
def test_of_a_call_that_is_not_confirmed_pjsip_has_what_it_survives(message: Request, status: int) -> None:
    bot = Bot()
    assert bot.get(message) == (PASS if status == PASS else TAKE)
    assert bot.statuses == ([] if status == PASS else [status])


def test_what_cannot_be_read_never_comes_to_pjsip() -> None:
    bot = Bot()
    assert bot.requests.look(b"nonsense", str(CALLER), object()) == TAKE
    assert bot.statuses == [400]
    assert bot.requests.look(b"nonsense", str(CALLER), None) == CHANGE  # a challenge


def test_the_case_of_a_tag_does_not_count() -> None:
    bot = Bot()
    assert bot.get(request("OPTIONS", cseq=2, to_tag=OURS.upper(), from_tag=THEIRS.upper())) == TAKE
    assert bot.statuses == [200]
    bot.requests.over(bot.call)
    assert bot.get(request("OPTIONS", cseq=3)) == PASS


def test_a_key_that_comes_again_is_answered_again_and_counts_once() -> None:
    bot = Bot()
    for message in (key("5", 2), key("5", 2), key("6", 3), key("6", 3)):
        assert bot.get(message) == TAKE
    assert bot.statuses == [200] * 4
    assert bot.events == [KeyReceived("c", "5", 100), KeyReceived("c", "6", 100)]


def test_what_comes_out_of_order_is_refused_and_reported() -> None:
    bot = Bot()
    bot.get(key("5", 50))
    bot.get(key("6", 49))
    assert bot.statuses == [200, 500]
    assert bot.events[1:] == [RequestRefused("c", "INFO", 500, "CSeq Out Of Order")]


def test_a_refer_waits_for_its_call_and_another_one_for_nothing() -> None:
    bot = Bot()
    with pytest.raises(LocalError, match="no REFER"):
        bot.requests.answer_refer(bot.call, AcceptRefer("c"))
    bot.get(refer(2))
    bot.get(refer(2))  # again, and not answered yet
    assert (len(bot.events), bot.sent) == (1, [])
    assert isinstance(bot.events[0], ReferReceived)
    bot.get(refer(3))
    bot.requests.answer_refer(bot.call, RejectRefer("c", 603))
    bot.get(refer(2))
    assert bot.statuses == [491, 603, 603]


def test_a_refer_that_waits_is_declined_when_the_call_is_over() -> None:
    bot = Bot()
    bot.get(refer(2))
    bot.requests.over(bot.call)
    bot.requests.over(bot.call)
    assert bot.statuses == [603]


def invite(replaces: str, cseq: int = 1) -> Request:
    return request("INVITE", f"Replaces: {replaces}", cseq=cseq, to_tag="", from_tag="two")


def test_an_invite_with_replaces_is_a_call_that_wants_another_s_place() -> None:
    bot = Bot()
    wanted = invite(f"abc;to-tag={OURS};from-tag={THEIRS}")
    assert bot.get(wanted) == CHANGE
    assert bot.requests.replaced("abc", "two") == "c"
    assert bot.requests.replaced("abc", "three") == ""
    bot.requests.over(bot.call)
    assert bot.get(wanted) == CHANGE  # it comes again
    assert bot.sent == []


@pytest.mark.parametrize(
    ("replaces", "status"),
    [
        (f"abc;to-tag=x;from-tag={THEIRS}", 481),
        (f"abc;to-tag={OURS};from-tag={THEIRS};early-only", 486),
        ("abc", 400),
        (f"abc;to-tag={OURS};from-tag={THEIRS}, abc;to-tag=x;from-tag=y", 400),
    ],
)
def test_an_invite_that_replaces_nothing_is_refused(replaces: str, status: int) -> None:
    bot = Bot()
    assert bot.get(invite(replaces)) == TAKE
    assert bot.statuses == [status]
    assert bot.requests.replaced("abc", "two") == ""


def test_a_call_that_is_hung_up_cannot_be_taken_over() -> None:
    bot = Bot()
    bot.call.released = True
    assert bot.get(invite(f"abc;to-tag={OURS};from-tag={THEIRS}")) == TAKE
    assert bot.statuses == [603]


def challenge(bot: Bot, source: str, **tags: Any) -> int:
    text = bytes(request("BYE", to_tag=tags.get("to_tag", THEIRS), from_tag=OURS))
    return bot.requests.look(b"SIP/2.0 401 Unauthorized\r\n" + text.partition(b"\r\n")[2], source, None)


@pytest.mark.parametrize("over", [False, True], ids=["in the call", "after it"])
def test_a_password_is_for_the_trunk_s_servers_alone(over: bool) -> None:
    bot = Bot()
    if over:
        bot.requests.over(bot.call)
    for known in ("192.0.2.7:5060", "198.51.100.3:6000"):
        assert challenge(bot, known) == PASS
    assert challenge(bot, "203.0.113.66:5060") == CHANGE
    assert challenge(bot, "") == CHANGE  # it is not known who asks
    assert challenge(bot, "203.0.113.66:5060", to_tag="stranger") == PASS  # no call's
    assert bot.events[0] == PasswordWithheld("abc", "BYE", "192.0.2.7", Address("203.0.113.66", 5060))
    assert len(bot.events) == 2

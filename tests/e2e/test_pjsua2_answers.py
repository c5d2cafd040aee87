"""Answers that no proper element sends, to calls of the bot: it goes on, over either backend, and so do calls. PJSIP
takes for granted what these have not, and ends its process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.backends import BACKENDS, settings_of
from tests.e2e.callee import GOOD, Callee, Step
from tests.e2e.conftest import BotProcess
from tests.e2e.test_calls_out import ask, record, start, until
from tests.e2e.test_pjsua2_offers import AUDIO, NOWHERE, PORT, SECURE, UNKNOWN, WITH_VIDEO, lives, pytestmark

__all__ = ["pytestmark"]

NO_AUDIO = AUDIO.replace(f"audio {PORT}", "audio 0")
SPACED = AUDIO.replace("c=IN IP4 ", f"c=IN IP4 {chr(0x0B) * 300}")


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
        bot = start(start_bot, tmp_path, callee.port, **settings_of(backend))
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
        bot = start(start_bot, tmp_path, callee.port, **settings_of(backend))
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
        bot = start(start_bot, tmp_path, callee.port, **settings_of(backend))
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
        bot = start(start_bot, tmp_path, callee.port, **settings_of(backend))
        with lives(bot):
            for step in early:
                for callee.crossing in crossing:
                    call = callee.called(bot, (step,))
                    bot.wait_for(lambda: "INVITE" in callee.methods)
                    assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
                    assert record(bot, call)["disposition"] != "ANSWERED"
                    bot.wait_for(lambda: {"CANCEL", "ACK", "BYE"} <= {*callee.methods})

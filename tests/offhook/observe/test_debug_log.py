"""`log.level = "debug"`: what happens, without what was said or keyed."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from offhook.api.call import Call
from offhook.observe import debug_log
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    CallerIgnored,
    CallerPartial,
    CallerSpeech,
    CallerTyped,
    DialogState,
    EngineFailed,
    KeyPressed,
    Mark,
    SessionEvent,
    TurnTrace,
    TurnTraced,
)
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow, Transport
from offhook.testing.phone import call, parser
from tests.offhook.carriers.test_stream_call import node, records

SECRET = "geheim"
HEARD = Playback(SECRET, SECRET, interrupted=True)
EVENTS: list[SessionEvent] = [
    BotSpoke(SECRET, 0.0),
    BotHeard(HEARD, 0.0),
    BargedIn(80.4, HEARD, 0.0),
    BotResumed(SECRET, 0.0),
    CallerSpeech(True, 0.0),
    CallerSpeech(False, 0.0),
    CallerPartial(SECRET, 0.0),
    CallerTyped(SECRET, 0.0),
    CallerIgnored(SECRET, 0.0, 0.0, 0.2),
    CallerAnswered(Answer(AnswerKind.SPEECH, text=SECRET, choice="yes", confidence=0.9), 0.0),
    CallerAnswered(Answer(AnswerKind.DTMF, digits="4711"), 0.0),
    KeyPressed(0.0),
    DialogState("menu", 0.0),
    TurnTraced(TurnTrace({Mark.SPEECH_ENDED: 1.0, Mark.TURN_ENDED: 1.5}), 0.0),
    EngineFailed("espeak", "it died", 0.0),
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_without_words_and_digits(event: SessionEvent) -> None:
    what, figures = debug_log.session_event(event)
    assert what
    assert SECRET not in str(figures)
    assert "4711" not in str(figures)


def test_a_sip_message_without_its_body() -> None:
    flow = Flow(Transport.UDP, Address("192.0.2.9", 5060), Address("192.0.2.1", 5060))
    message = b"INFO sip:bot@x SIP/2.0\r\nCall-ID: abc@x\r\nCSeq: 7 INFO\r\nContent-Length: 8\r\n\r\nSignal=5"
    with capture_logs() as lines:
        debug_log.sip_message(message, flow, True)
        debug_log.sip_message(b"SIP/2.0 200 OK\r\ni:  abc@x\r\ncseq :8 BYE\r\n\r\n", flow, False)
        debug_log.sip_message(b"\r\n\r\n", flow, True)
        debug_log.sip_message(b"", flow, True)
        debug_log.sip_message(b"\xff\x00 no SIP", flow, True)
    assert lines[0] == {
        "event": "SIP message received", "log_level": "debug", "peer": "192.0.2.1:5060",
        "start": "INFO sip:bot@x SIP/2.0", "cseq": "7 INFO", "sip_call_id": "abc@x",
    }  # fmt: skip
    assert (lines[1]["event"], lines[1]["cseq"], lines[1]["sip_call_id"]) == ("SIP message sent", "8 BYE", "abc@x")
    assert len(lines) == 3


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_a_call(tmp_path: Path, level: str) -> None:
    async def greet(call: Call) -> None:
        call.enter("greeting")
        await call.say("Hello.")

    with capture_logs() as lines:
        async with node(tmp_path, greet, log={"level": level}) as bot:
            await call(parser().parse_args([f"sip:bot@{bot.sip_address}"]))
            await records(bot)
    debug = [line for line in lines if line["log_level"] == "debug"]
    if level == "info":
        assert not debug
        return
    starts = [line["start"] for line in debug if line["event"].startswith("SIP message")]
    assert [start.split()[0] for start in starts][:1] == ["INVITE"]
    assert any(start.startswith("SIP/2.0 200") for start in starts)
    happened = [line["event"] for line in debug if line.get("call") and line["event"] != "an engine has worked"]
    assert happened[:2] == ["the dialog enters a step", "the bot speaks"]
    assert "Hello" not in str(debug)

"""SpeechAgent with OpenAI's Realtime API: a simulated caller, the real client, a server on loopback."""

import asyncio
import json

import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from offhook.api.call import Call
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer
from offhook.pipeline.trace import BotHeard, SilenceFilled
from offhook.pipeline.turn.machine import TurnSettings
from offhook.realtime.agent import SpeechAgent, speech_agent
from offhook.realtime.openai_wire import append
from offhook.telephony.codec import PCMU
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.simulated_line import SimulatedLine
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.tone_speech import text_in
from offhook.usererror import UserError

CLIENT_EVENT: TypeAdapter[object] = TypeAdapter(RealtimeClientEvent)


def agent(server: OpenAiRealtimeServer, **options: object) -> SpeechAgent:
    return speech_agent({"base_url": server.url + "/v1", "api_key": server.api_key, **options})


class Received:
    """What the caller got, as text."""

    def __init__(self, line: SimulatedLine) -> None:
        self.sent = bytearray()
        line.add_listener(sent=lambda payload, _ordinal, _at: self.sent.extend(payload))

    def text(self) -> str:
        return text_in(PCMU.decode(bytes(self.sent)), 8_000)


def judged(server: OpenAiRealtimeServer) -> None:
    """The vendor's own types accept everything that was sent, and the server found no fault."""
    for session in server.sessions:
        for message in session.messages:
            audio = {"audio": ""} if message["type"] == "input_audio_buffer.append" else {}
            CLIENT_EVENT.validate_python(message | audio)
    assert server.errors == []
    assert server.violations == []


async def test_a_conversation() -> None:
    async with OpenAiRealtimeServer(["what is my balance"], replies=["Hello there.", "It is ten dollars."]) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server, instructions="Be brief."), line=line) as caller:
            received = Received(line)
            await caller.hears("Hello there.")
            await caller.says("what is my balance")
            await caller.hears("It is ten dollars.")
            assert "ten dollars." in received.text()
            said = [(line.who, line.text) for line in caller.transcript]
            assert said == [("bot", "Hello there."), ("caller", "what is my balance"), ("bot", "It is ten dollars.")]
            heard = [event for event in caller.events if isinstance(event, BotHeard)]
            assert [event.engine for event in heard] == ["openai-realtime"] * 2
            assert all(word.is_estimated for event in heard for word in event.words)
        judged(server)
        session = server.configured[0]
        assert session["audio"]["input"]["turn_detection"] is None
        assert session["audio"]["input"]["format"] == session["audio"]["output"]["format"] == {"type": "audio/pcmu"}


async def test_what_the_session_begins_with_may_be_refused() -> None:
    async with OpenAiRealtimeServer() as server:
        await agent(server).probe()
        odd = {"audio": {"input": {"turn_detection": {"type": "odd"}}}}
        with pytest.raises(EngineError, match="turn_detection"):
            async with asyncio.timeout(5.0):
                await agent(server, options=odd).probe()


@pytest.mark.parametrize("turn_detection", ["ours", "vendor"])
async def test_a_dialog_may_go_on_without_it(turn_detection: str) -> None:
    async with OpenAiRealtimeServer() as server:
        talker = agent(server, api_key="wrong-key", sorry="", turn_detection=turn_detection)
        answers: list[Answer] = []

        async def talk(call: Call) -> None:
            outcome = await talker.run(call)
            assert (outcome.reason, call.covers_silence) == ("the model failed", False)
            answers.append(await call.ask("Small or large?", choices={"small": "small", "large": "large"}))

        async with SimulatedCall(talk) as caller:
            await caller.hears("Small or large?")
            await caller.says("small")
            await caller.waits(1.5)
        assert [answer.choice for answer in answers] == ["small"]


async def test_the_callers_payload_is_passed_through_untouched() -> None:
    async with OpenAiRealtimeServer(["one two"], replies=["Hello."]) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server), line=line) as caller:
            await caller.hears("Hello.")
            await caller.says("one two")
            await caller.hears("I see.")
            spoken = {(8_000 + n) * sign for n in range(10) for sign in (1, -1)}
            sent = set(server.sessions[0].audio)
            assert sent <= set(PCMU.encode(b"".join(v.to_bytes(2, "little", signed=True) for v in {0, *spoken})))
    every = bytes(range(256))
    again = PCMU.encode(PCMU.decode(every))
    assert [n for n in every if again[n] != n] == [0x7F]  # the two zeros of mu-law sound the same
    assert json.loads(append(b"\xff"))["audio"] == "/w=="


async def test_an_interruption_cancels_and_truncates() -> None:
    long = "This is a rather long sentence about nothing in particular, which goes on and on."
    async with OpenAiRealtimeServer(["stop", "go"], replies=[long, "Sorry."]) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server), line=line) as caller:
            await caller.begins_to_hear("This")
            await caller.waits(1.2)
            await caller.says("stop", seconds=0.6)
            await caller.hears("Sorry.")
            cut = caller.transcript[0]
            assert cut.interrupted
            assert long.startswith(cut.text)
            first = next(entry for entry in server.conversations[0] if entry.role == "assistant")
            assert first.audio_ms is not None
            assert abs(len(first.heard.split()) - len(cut.text.split())) <= 1
        judged(server)
        kinds = [message["type"] for message in server.sessions[0].messages]
        assert "conversation.item.truncate" in kinds


async def test_a_pause_in_a_turn_does_not_end_it() -> None:
    """A recogniser's final may be asked for in a pause; the model answers whatever it is asked."""
    async with OpenAiRealtimeServer(["one two"], replies=["Hi.", "There."]) as server:
        async with SimulatedCall(agent(server), endpoint=AnswerPolicy()) as caller:
            await caller.hears("Hi.")
            await caller.says("one", seconds=0.5)
            await caller.waits(0.3)
            await caller.says("two", seconds=0.5)
            await caller.hears("There.")
        assert [entry.text for entry in server.conversations[0]] == ["Hi.", "one two", "There."]
        judged(server)


async def test_a_reply_that_nobody_heard_is_deleted() -> None:
    async with OpenAiRealtimeServer(["yes", "no"], replies=["Hi.", "Two.", "Three."], slow_s=0.8) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hi.")
            server.fault = "slow"
            await caller.says("yes", seconds=0.4)
            await caller.waits(0.8)  # the reply is asked for, and not there
            server.fault = None
            await caller.says("no", seconds=0.4)
            await caller.hears("T")
        judged(server)
        spoken = [entry.text for entry in server.conversations[0] if entry.role == "assistant"]
        assert spoken[0] == "Hi."
        assert len(spoken) == 2
        assert "response.cancel" in [message["type"] for message in server.sessions[0].messages]


async def test_audio_after_the_cancellation_is_not_played() -> None:
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    async with OpenAiRealtimeServer(["stop"], replies=[long, "Sorry."], realtime_factor=1.5) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server), line=line) as caller:
            received = Received(line)
            server.fault = "audio-after-cancel"
            await caller.begins_to_hear("one")
            await caller.waits(0.8)
            await caller.says("stop", seconds=0.5)
            await caller.hears("Sorry.")
            assert "sixteen" not in received.text()


async def test_the_vendor_decides() -> None:
    long = "This is a rather long sentence about nothing in particular, which goes on and on."
    async with OpenAiRealtimeServer(["hello", "stop"], replies=["Hi.", long, "Sorry."]) as server:
        line = SimulatedLine(encoding="PCMU")
        async with SimulatedCall(agent(server, turn_detection="vendor"), line=line) as caller:
            await caller.hears("Hi.")
            await caller.says("hello", seconds=0.5)
            await caller.begins_to_hear("This")
            await caller.waits(1.0)
            await caller.says("stop", seconds=0.5)
            await caller.hears("Sorry.")
            assert [said.text for said in caller.transcript if said.who == "caller"] == ["hello", "stop"]
        judged(server)


async def test_the_vendor_advises() -> None:
    async with OpenAiRealtimeServer(["hello"], replies=["Hi.", "There."]) as server:
        async with SimulatedCall(agent(server, turn_detection="advise")) as caller:
            await caller.hears("Hi.")
            await caller.says("hello", seconds=0.5)
            await caller.hears("There.")
        detects = server.configured[0]["audio"]["input"]["turn_detection"]
        assert detects == {"type": "server_vad", "create_response": False, "interrupt_response": False}
        judged(server)


async def test_keys_are_text_to_the_model() -> None:
    async with OpenAiRealtimeServer(replies=["Hi.", "Thanks."]) as server:
        async with SimulatedCall(agent(server)) as caller:
            await caller.hears("Hi.")
            await caller.presses("12#", every_s=0.1)
            await caller.hears("Thanks.")
        assert [entry.text for entry in server.conversations[0] if entry.role == "user"] == ["[keys: 12]"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"provider": "another"}, "there is no provider 'another'"),
        ({"turn_detection": "mine"}, "openai-realtime has no turn detection 'mine'"),
        ({"api_key": ""}, "OPENAI_API_KEY is not set"),
        ({"temper": 1}, "there is no option 'temper'"),
    ],
)
def test_what_cannot_be_made(options: dict[str, object], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match=why):
        speech_agent({"api_key": "key", **options})


@pytest.mark.parametrize("turn_detection", ["ours", "vendor"])
async def test_a_slow_reply_is_covered_and_the_callers_own_silence_is_not(turn_detection: str) -> None:
    async with OpenAiRealtimeServer(["hello"], replies=["Hi.", "There."], slow_s=2.2) as server:
        turn = TurnSettings(filler_ms=1_200)
        async with SimulatedCall(agent(server, turn_detection=turn_detection), settings=turn) as caller:
            await caller.hears("Hi.")
            await caller.waits(2.0)  # nobody owes anything
            assert not [event for event in caller.events if isinstance(event, SilenceFilled)]
            server.fault = "slow"
            await caller.says("hello", seconds=0.5)
            ended_at = caller.now
            await caller.hears("There.")
            (filled,) = [event for event in caller.events if isinstance(event, SilenceFilled)]
            assert filled.stage == "dialog" and 1.0 < filled.at - ended_at < 1.5

"""Agents that are recogniser and voice themselves."""

import asyncio

from offhook import Call, Outcome
from offhook.api.turns import TurnEvents
from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, OnPartial, Transcript
from offhook.pipeline.trace import BotHeard
from offhook.testing import SimulatedCall, run

SPEECH = b"\x10" * 4_000


class Wordless:
    """A recogniser that takes its time and understands nothing."""

    capabilities = AsrCapabilities(8_000, grammar=False, free_speech=True, partials=False, forces="never")

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, _request: AsrRequest, _on_partial: OnPartial) -> "Wordless":
        return self

    def feed(self, pcm: bytes) -> None: ...

    def cancel(self) -> None: ...

    async def finish(self) -> Transcript:
        self.asked.set()
        await asyncio.sleep(0.3)
        return Transcript("")


def test_audio_that_comes_while_the_utterance_waits_is_not_lost() -> None:
    """The utterance begins before the turn's result, and resumes when there are no words."""

    async def conversation() -> None:
        recogniser = Wordless()

        class Early:
            async def run(self, call: Call) -> Outcome:
                events: TurnEvents = call.turns()
                call.audio.recognise_by(recogniser)
                call.expect()
                await recogniser.asked.wait()
                utterance = call.audio.start_saying("test")
                for at in range(0, len(SPEECH), 1_000):
                    utterance.append_audio(SPEECH[at : at + 1_000])
                utterance.append("Good day.")
                utterance.finish()
                await utterance
                events.close()
                return Outcome("done")

        async with SimulatedCall(Early()) as caller:
            sent = bytearray()
            caller.line.add_listener(sent=lambda payload, _ordinal, _at: sent.extend(payload))
            await caller.says("hello", seconds=0.5)
            await caller.hears("Good day.")
            assert bytes(sent) == SPEECH
            (heard,) = [event for event in caller.events if isinstance(event, BotHeard)]
            assert not heard.playback.interrupted

    run(conversation())

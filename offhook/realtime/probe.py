"""Tries whether a session of a speech-to-speech model can be opened."""

import asyncio
from dataclasses import replace

from offhook.llm.model import Usage
from offhook.pipeline.errors import EngineError
from offhook.realtime.audio_port import AudioPort
from offhook.realtime.speech import Speech


class _Line:
    """A `LineAudio` of G.711."""

    encoding = "PCMU"
    line_rate_hz = 8_000

    def encode(self, pcm: bytes, /) -> bytes:
        return pcm


class _Opening:
    """A `Receiver` that waits for the beginning."""

    behind_ms = 0.0

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def on_lost(self, error: EngineError) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def on_response_failed(self, error: EngineError) -> None:
        self.on_lost(error)  # the vendor does not take what the session begins with

    def on_audio(self, item: str, payload: bytes) -> None: ...

    def on_text(self, item: str, delta: str) -> None: ...

    def on_item_over(self, item: str) -> None: ...

    def on_response_over(self, usage: Usage = ...) -> None: ...

    def on_tool_call(self, call_id: str, name: str, arguments: str) -> None: ...

    def on_caller_text(self, turn: int, text: str) -> None: ...

    def on_caller_speech(self, speaks: bool) -> None: ...

    def on_interrupted(self) -> None: ...


async def probe(speech: Speech) -> None:
    """Open a session, in which nothing is said, and close it. Raises EngineError."""
    opening = _Opening()
    specs = tuple(tool.spec for tool in speech.tools.values())
    specs += speech.policy.specs if speech.policy is not None else ()
    setup = replace(speech.setup, tools=specs)
    link = speech.open(setup, AudioPort(_Line(), speech.audio), opening)
    try:
        await opening.ready
    finally:
        link.close()

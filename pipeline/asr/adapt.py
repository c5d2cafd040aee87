"""Stands between the conversation and a recogniser that wants something else: another rate, G.711, no grammar.

The conversation gives 16-bit PCM at 8 or 16 kHz, grammars and phrases. An engine that takes these is used as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from offhook.pipeline.asr.engine import AsrCapabilities, AsrEngine, AsrRequest, AsrStream, Encoding, Transcript
from offhook.pipeline.errors import EngineError

NARROW_HZ, WIDE_HZ = 8_000, 16_000
"""What the conversation gives: a line's own rate, or twice that."""


class Resampler(Protocol):
    """16-bit PCM from one rate to another, chunk by chunk."""

    def push(self, chunk: bytes, /) -> bytes:
        """What is known of the output by now."""
        ...

    def flush(self) -> bytes:
        """The end of it."""
        ...


MakeResampler = Callable[[int, int], Resampler]
"""(from Hz, to Hz)."""

Encode = Callable[[bytes], bytes]


def adapt(name: str, engine: AsrEngine, resampler: MakeResampler, encoders: Mapping[Encoding, Encode]) -> AsrEngine:
    """`engine`, as the conversation can use it; itself where it can be used as it is.

    `encoders` has both laws of G.711. Raises EngineError for capabilities that contradict each other.
    """
    has = engine.capabilities
    if has.encoding != "LINEAR16" and has.rate_hz != NARROW_HZ:
        raise EngineError(name, "starting", f"{has.encoding} has 8000 Hz, and the engine asks for {has.rate_hz} Hz")
    if not (has.grammar or has.free_speech):
        raise EngineError(name, "starting", "it recognises neither grammars nor free speech")
    if has.encoding == "LINEAR16" and has.rate_hz in (NARROW_HZ, WIDE_HZ) and has.grammar:
        return engine
    return AdaptedAsr(name, engine, resampler, encoders)


class AdaptedAsr:
    """`AsrEngine` over another one. Made by `adapt`."""

    def __init__(
        self, name: str, engine: AsrEngine, resampler: MakeResampler, encoders: Mapping[Encoding, Encode]
    ) -> None:
        has = engine.capabilities
        self.name = name
        self.engine = engine
        rate_hz = NARROW_HZ if has.rate_hz <= NARROW_HZ else WIDE_HZ
        self.capabilities: AsrCapabilities = replace(has, rate_hz=rate_hz, encoding="LINEAR16")
        self._resampler = (lambda: resampler(rate_hz, has.rate_hz)) if rate_hz != has.rate_hz else None
        self._encode = encoders[has.encoding] if has.encoding != "LINEAR16" else None

    async def start(self) -> None:
        """The engine's own. Raises EngineError."""
        await self.engine.start()

    async def close(self) -> None:
        """The engine's own. Idempotent."""
        await self.engine.close()

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn: without the grammar where the engine takes none. Raises EngineError."""
        if not self.capabilities.grammar:
            request = replace(request, grammar=None)
        stream = self.engine.open(request, on_partial)
        resampler = self._resampler() if self._resampler is not None else None
        return stream if resampler is None and self._encode is None else _Converted(stream, resampler, self._encode)


class _Converted:
    """One turn whose audio is converted on its way."""

    def __init__(self, stream: AsrStream, resampler: Resampler | None, encode: Encode | None) -> None:
        self._stream = stream
        self._resampler = resampler
        self._encode = encode

    def feed(self, pcm: bytes) -> None:
        """16-bit PCM at the rate that is promised."""
        self._pass_on(pcm if self._resampler is None else self._resampler.push(pcm))

    async def finish(self) -> Transcript:
        """The engine's transcript. Raises EngineError."""
        if self._resampler is not None:
            self._pass_on(self._resampler.flush())
        return await self._stream.finish()

    def cancel(self) -> None:
        """Drop the turn."""
        self._stream.cancel()

    def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            self._stream.feed(pcm if self._encode is None else self._encode(pcm))

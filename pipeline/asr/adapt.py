"""Adapts a recogniser whose needs differ from the conversation's format: another rate, G.711, no grammar support.

The conversation supplies 16-bit PCM at 8 or 16 kHz, grammars and phrases. An engine that takes these is used as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrEngine,
    AsrRequest,
    AsrStream,
    Encoding,
    LineAsrEngine,
    ObservableAsrStream,
    OnEndpoint,
    OnPartial,
    Transcript,
    open_stream,
)
from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ, MakeResampler, Resampler

Encode = Callable[[bytes], bytes]


def adapt(name: str, engine: AsrEngine, resampler: MakeResampler, encoders: Mapping[Encoding, Encode]) -> AsrEngine:
    """`engine` in a form that the conversation can use; unchanged if it already is one.

    `encoders` has both G.711 laws. Raises EngineError for contradictory capabilities.
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
    """An `AsrEngine` that wraps another. Made by `adapt`."""

    def __init__(
        self, name: str, engine: AsrEngine, resampler: MakeResampler, encoders: Mapping[Encoding, Encode]
    ) -> None:
        has = engine.capabilities
        self.name = name
        self.engine = engine
        rate_hz = NARROW_HZ if has.rate_hz <= NARROW_HZ else WIDE_HZ
        self.capabilities: AsrCapabilities = replace(has, rate_hz=rate_hz, encoding="LINEAR16")
        self._make_resampler, self._encoders = resampler, encoders
        self._resampler = (lambda: resampler(rate_hz, has.rate_hz)) if rate_hz != has.rate_hz else None
        self._encode = encoders[has.encoding] if has.encoding != "LINEAR16" else None

    async def start(self) -> None:
        """Start the engine. Raises EngineError."""
        await self.engine.start()

    async def close(self) -> None:
        """Close the engine. Idempotent."""
        await self.engine.close()

    def for_line(self, encoding: str, rate_hz: int) -> AsrEngine:
        """The same for a line, if the engine takes more than one encoding or rate."""
        if not isinstance(self.engine, LineAsrEngine):
            return self
        engine = self.engine.for_line(encoding, rate_hz)
        return adapt(self.name, engine, self._make_resampler, self._encoders)

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> AsrStream:
        """Begin a turn, without the grammar if the engine takes none. Raises EngineError."""
        if not self.capabilities.grammar:
            request = replace(request, grammar=None)
        stream = open_stream(self.engine, request, on_partial, on_endpoint)
        resampler = self._resampler() if self._resampler is not None else None
        return stream if resampler is None and self._encode is None else _Converted(stream, resampler, self._encode)


class _Converted:
    """A turn whose audio is converted on its way to the engine."""

    def __init__(self, stream: AsrStream, resampler: Resampler | None, encode: Encode | None) -> None:
        self._stream = stream
        self._observed = stream if isinstance(stream, ObservableAsrStream) else None
        self._resampler = resampler
        self._encode = encode

    @property
    def error(self) -> EngineError | None:
        """The engine's failure, if it shows one."""
        return self._observed.error if self._observed is not None else None

    def feed(self, pcm: bytes) -> None:
        """Take 16-bit PCM at the adapted rate."""
        self._pass_on(pcm if self._resampler is None else self._resampler.push(pcm))

    async def finish(self) -> Transcript:
        """The engine's transcript. Raises EngineError."""
        if self._resampler is not None:
            self._pass_on(self._resampler.flush())
        return await self._stream.finish()

    def cancel(self) -> None:
        """Cancel the turn."""
        self._stream.cancel()

    def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            self._stream.feed(pcm if self._encode is None else self._encode(pcm))

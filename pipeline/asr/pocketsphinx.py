"""The recogniser that comes with its model: pocketsphinx, in child processes because it holds the GIL."""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, AsrStream, Transcript
from offhook.pipeline.engine_host.pool import HostLimits, HostPool, HostStream
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.errors import EngineError

NAME = "pocketsphinx"
RATE_HZ = 16_000
HINT = "Type: pip install 'offhook[local]'"


class PocketsphinxEngine:
    """`AsrEngine` over `workers` children, each with up to `decoders` turns at a time (three in free speech).

    The model is US English, and made to fit telephone speech. With a grammar the confidence says how well the
    sounds fit the words (a hint, no probability: see pipeline.worker_asr); in free speech it would say
    nothing and is None. `free_speech` false saves a child 100 MB.
    """

    capabilities = AsrCapabilities(rate_hz=RATE_HZ, grammar=True, free_speech=True, partials=True)

    def __init__(
        self,
        workers: int = 1,
        *,
        decoders: int = 8,
        free_speech: bool = True,
        limits: HostLimits | None = None,
    ) -> None:
        self.capabilities = AsrCapabilities(RATE_HZ, grammar=True, free_speech=free_speech, partials=True)
        options = {"decoders": decoders, "free_speech": free_speech}
        self._pool = HostPool("asr", workers, name=NAME, options=options, limits=limits)

    async def start(self) -> None:
        """Start the children and load the models. Raises EngineError when pocketsphinx is not installed."""
        if find_spec("pocketsphinx") is None:
            raise EngineError(NAME, "starting", "the package is not installed", HINT)
        await self._pool.start()

    async def close(self) -> None:
        """End the children; streams under way fail. Idempotent."""
        await self._pool.close()

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn. Raises EngineError when no child has room. `finish` tells of a grammar refused."""
        if request.grammar is None and not self.capabilities.free_speech:
            raise EngineError(NAME, "opening a stream", "free speech is switched off")

        def on_message(values: Mapping[str, Any]) -> None:
            on_partial(str(values.get("text", "")))

        return PocketsphinxStream(self._pool.open({"grammar": request.grammar}, on_message))

    def known_word(self, word: str) -> bool:
        """Whether a grammar may use the word. Raises EngineError when the dictionary cannot be read."""
        entry = f"\n{word.lower()} ".encode()
        return bool(word.strip()) and not any(c.isspace() for c in word) and entry in self._dictionary

    name = NAME

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()

    @cached_property
    def _dictionary(self) -> bytes:
        try:
            import pocketsphinx  # noqa: PLC0415 - an extra, and only this needs it in this process

            path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
            return b"\n" + path.read_bytes()
        except (ImportError, OSError) as error:
            raise EngineError(NAME, "reading the dictionary", str(error), HINT) from error


class PocketsphinxStream:
    """One turn: `AsrStream`."""

    def __init__(self, stream: HostStream) -> None:
        self._stream = stream

    def feed(self, pcm: bytes) -> None:
        """16-bit mono PCM at 16 kHz. What cannot be kept fails the stream, which `finish` tells."""
        self._stream.send(pcm)

    async def finish(self) -> Transcript:
        """The transcript; "" when no phrase of the grammar fits. Raises EngineError or EngineTimeout."""
        self._stream.end()
        try:
            message = await self._stream.receive()
        finally:
            self._stream.cancel()
        if message.kind is not Kind.RESULT:
            raise EngineError(NAME, "finishing", f"the worker answered with {message.kind.name}")
        confidence = message.values.get("confidence")
        return Transcript(str(message.values.get("text", "")), float(confidence) if confidence is not None else None)

    def cancel(self) -> None:
        """Forget the turn; the decoder is free again."""
        self._stream.cancel()

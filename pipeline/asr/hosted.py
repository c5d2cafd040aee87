"""The parent's side of a recogniser that runs in child processes."""

from collections.abc import Mapping
from typing import Any

from offhook.pipeline.asr.engine import (
    AsrCapabilities,
    AsrRequest,
    AsrStream,
    OnEndpoint,
    OnPartial,
    RecognisedWord,
    Transcript,
)
from offhook.pipeline.engine_host.hosted import Hosted
from offhook.pipeline.engine_host.pool import HostPool, HostStream
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.errors import EngineError


class HostedAsr(Hosted[AsrCapabilities]):
    """`AsrEngine` over child processes, see Hosted; the engine is a BlockingRecogniser."""

    host = "offhook.pipeline.engine_host.blocking:RecogniserHost"

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> AsrStream:
        """Begin a turn. Raises EngineError if no child has room; `finish` raises if the grammar is rejected."""
        return open_turn(self._pool, self.name, request, on_partial, on_endpoint)


def open_turn(
    pool: HostPool, name: str, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None
) -> "HostedAsrStream":
    """Open a turn in one of the pool's children."""

    def on_message(values: Mapping[str, Any]) -> None:
        if "text" in values:
            on_partial(str(values["text"]))
        if on_endpoint is not None and (endpoint := values.get("endpoint")) in ("likely", "resumed", "over"):
            on_endpoint(endpoint)

    payload = {"grammar": request.grammar, "phrases": request.phrases, "language": request.language}
    if request.others:
        payload["others"] = request.others
    return HostedAsrStream(name, pool.open(payload, on_message))


class HostedAsrStream:
    """One turn: `AsrStream`."""

    def __init__(self, name: str, stream: HostStream) -> None:
        self._name = name
        self._stream = stream

    @property
    def error(self) -> EngineError | None:
        """Why the turn has failed already, for example because the child died."""
        return self._stream.error

    def feed(self, pcm: bytes) -> None:
        """Take 16-bit mono PCM at the engine's rate. Overflow fails the stream, and `finish` raises."""
        self._stream.send(pcm)

    async def finish(self) -> Transcript:
        """The transcript; "" if nothing was recognised. Raises EngineError or EngineTimeout."""
        self._stream.end()
        try:
            message = await self._stream.receive()
        finally:
            self._stream.cancel()
        if message.kind is not Kind.RESULT:
            raise EngineError(self._name, "finishing", f"the child answered with {message.kind.name}")
        values = message.values
        confidence = values.get("confidence")
        return Transcript(
            str(values.get("text", "")),
            float(confidence) if confidence is not None else None,
            tuple(RecognisedWord(*word) for word in values.get("words", ())),
            tuple(values.get("alternatives", ())),
            repeats=bool(values.get("repeats", False)),
        )

    def cancel(self) -> None:
        """Drop the turn."""
        self._stream.cancel()

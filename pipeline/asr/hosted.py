"""The parent's side of a recogniser that runs in child processes."""

from collections.abc import Callable, Mapping
from typing import Any

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, AsrStream, Transcript
from offhook.pipeline.engine_host.pool import HostLimits, HostPool, HostStream
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.errors import EngineError

HOST = "offhook.pipeline.engine_host.blocking:RecogniserHost"


class HostedAsr:
    """`AsrEngine` over `workers` child processes that each make `engine` ("module:Class", a BlockingRecogniser).

    `options` are the class's keyword arguments, as JSON values. `name` is used in errors. A child that dies, or takes
    longer than `limits.hung_s` for one piece, is replaced; its turns fail with EngineError.
    """

    def __init__(
        self,
        name: str,
        engine: str,
        capabilities: AsrCapabilities,
        *,
        options: Mapping[str, object] | None = None,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities
        hosted = {"engine": engine, "options": dict(options or {})}
        self._pool = HostPool(HOST, workers, name=name, options=hosted, limits=limits)

    async def start(self) -> None:
        """Start the children and load the engine in each. Raises EngineError if that fails."""
        await self._pool.start()

    async def close(self) -> None:
        """End the children; turns in progress fail. Idempotent."""
        await self._pool.close()

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn. Raises EngineError if no child has room; `finish` raises if the grammar is rejected."""
        return open_turn(self._pool, self.name, request, on_partial)

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts


def open_turn(pool: HostPool, name: str, request: AsrRequest, on_partial: Callable[[str], None]) -> "HostedAsrStream":
    """Open a turn in one of the pool's children."""

    def on_message(values: Mapping[str, Any]) -> None:
        on_partial(str(values.get("text", "")))

    return HostedAsrStream(name, pool.open({"grammar": request.grammar}, on_message))


class HostedAsrStream:
    """One turn: `AsrStream`."""

    def __init__(self, name: str, stream: HostStream) -> None:
        self._name = name
        self._stream = stream

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
        confidence = message.values.get("confidence")
        return Transcript(str(message.values.get("text", "")), float(confidence) if confidence is not None else None)

    def cancel(self) -> None:
        """Drop the turn."""
        self._stream.cancel()

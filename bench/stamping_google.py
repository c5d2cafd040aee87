"""A Google that answers at once, with the time: for bench.vendors.

A partial result for every tenth message of audio: how many there have been, when that one came, when this was sent. A
text is the time at which it was sent; its speech begins with how long it took, and the time.
"""

from collections.abc import AsyncIterator
from time import monotonic_ns
from typing import Any

import grpc
import grpc.aio
from google.cloud.speech_v2.types import StreamingRecognizeRequest, StreamingRecognizeResponse
from google.cloud.texttospeech_v1.types import (
    ListVoicesRequest,
    ListVoicesResponse,
    StreamingSynthesizeRequest,
    StreamingSynthesizeResponse,
)

from bench.stamping_vendors import record

ANSWER_EVERY = 10
CHUNKS = 50  # of 20 ms, for each text


async def serve() -> int:
    """Begin to serve, as long as the loop runs; the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _KEPT.append(server)
    return int(port)


_KEPT: list[Any] = []


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def service(self, handler_call_details: Any) -> Any:
        request, serve = _METHODS[handler_call_details.method.rpartition("/")[2]]
        return grpc.stream_stream_rpc_method_handler(serve, request.FromString, lambda found: found.SerializeToString())


async def _recognise(requests: AsyncIterator[Any], context: Any) -> None:
    count = 0
    async for request in requests:
        now_ns = monotonic_ns()
        if request.audio:
            count += 1
            if count % ANSWER_EVERY == 0:
                response = StreamingRecognizeResponse.pb()()
                response.results.add().alternatives.add(transcript=f"{count} {now_ns} {monotonic_ns()}")
                await context.write(response)


async def _speak(requests: AsyncIterator[Any], context: Any) -> None:
    async for request in requests:
        now_ns = monotonic_ns()
        if request.input.text:
            took_ns = now_ns - int(request.input.text)
            for _ in range(CHUNKS):
                response = StreamingSynthesizeResponse.pb()(audio_content=record(took_ns))
                await context.write(response)


async def _list(_requests: AsyncIterator[Any], context: Any) -> None:
    response = ListVoicesResponse.pb()()
    response.voices.add(name="en-US-Chirp3-HD-Kore", language_codes=["en-US"])
    await context.write(response)


_METHODS = {
    "StreamingRecognize": (StreamingRecognizeRequest.pb(), _recognise),
    "StreamingSynthesize": (StreamingSynthesizeRequest.pb(), _speak),
    "ListVoices": (ListVoicesRequest.pb(), _list),
}

"""Amazon's side of `bench.vendors`: answers at once, with the time."""

import json
from collections.abc import AsyncIterator, Callable
from time import monotonic_ns

from websockets.asyncio.server import ServerConnection

from offhook.testing.vendors.http_server import HttpRequest, HttpResponse
from offhook.vendors import event_stream
from offhook.vendors.event_stream import Event

POLLY = "/v1/speech"
PCM_FRAME_BYTES = 320
"""Of 20 ms: Transcribe takes no G.711."""

_TRANSCRIPT = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": "application/json"}


async def listen(connection: ServerConnection, partial_frames: int) -> None:
    """A stream of Transcribe, see stamping_vendors."""
    size = answered = 0
    async for data in connection:
        now_ns = monotonic_ns()
        audio = event_stream.decode(data).payload if isinstance(data, bytes) else b""
        if not audio:
            break  # the end of the turn
        size += len(audio)
        frames = size // PCM_FRAME_BYTES
        if frames - answered >= partial_frames:
            answered = frames
            await connection.send(_partial(f"{frames} {now_ns} {monotonic_ns()}"))
    await connection.close()


async def speak(request: HttpRequest, record: Callable[[int], bytes], records: int) -> HttpResponse:
    """Polly: `record` makes audio from how long the text took. There are no speech marks."""
    now_ns = monotonic_ns()
    fields = json.loads(request.body)
    first, *_ = fields["Text"].split()
    if fields["OutputFormat"] == "json" or not first.isdigit():
        return HttpResponse()
    there_ns = now_ns - int(first)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(records):
            yield record(there_ns)

    return HttpResponse(content_type="audio/mulaw", body=pieces())


def _partial(text: str) -> bytes:
    result = {"IsPartial": True, "Alternatives": [{"Transcript": text, "Items": []}]}
    return event_stream.encode(Event(_TRANSCRIPT, json.dumps({"Transcript": {"Results": [result]}}).encode()))

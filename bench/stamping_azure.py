"""Azure's side of `bench.vendors`: answers at once, with the time."""

import re
from collections.abc import Callable
from http import HTTPStatus
from time import monotonic_ns

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from offhook.testing.vendors.azure import VOICES_LIST
from offhook.vendors import azure_wire as wire

_STAMP = re.compile(r">\s*(\d+)\s*<")


def voices(connection: ServerConnection, request: Request) -> Response | None:
    """The list of voices is empty; all else is upgraded."""
    return connection.respond(HTTPStatus.OK, "[]") if request.path.endswith(VOICES_LIST) else None


async def listen(connection: ServerConnection, frame_bytes: int, partial_frames: int) -> None:
    """A recogniser, see stamping_vendors."""
    size = answered = 0
    async for data in connection:
        now_ns = monotonic_ns()
        message = wire.parse(data)
        if message.path != "audio" or message.audio.startswith(b"RIFF"):
            continue
        size += len(message.audio)
        frames = size // frame_bytes
        if not message.audio:
            await connection.send(wire.text_message("turn.end", message.request_id, ""))
            size = answered = 0
        elif frames - answered >= partial_frames:
            answered = frames
            fields = {"Text": f"{frames} {now_ns} {monotonic_ns()}", "Offset": 0, "Duration": 0}
            await connection.send(wire.json_message("speech.hypothesis", message.request_id, fields))


async def speak(connection: ServerConnection, record: Callable[[int], bytes], records: int) -> None:
    """A voice: `record` makes audio from how long the text took."""
    async for data in connection:
        now_ns = monotonic_ns()
        message = wire.parse(data)
        found = _STAMP.search(str(message.body)) if message.path == "ssml" else None
        if found is None:
            continue
        for _ in range(records):
            await connection.send(wire.audio_message(message.request_id, record(now_ns - int(found.group(1)))))
        await connection.send(wire.text_message("turn.end", message.request_id, ""))

"""Vendors that answer at once, with the time: the other side of `bench.vendors`, in a process of its own.

Every half second of audio is answered by a partial whose text is how many frames of 20 ms have come, when the last
message with them did, and when the answer left. A text, which is the time at which it was given to the engine, is
spoken in records of 20 ms that begin with two numbers of 8 bytes: how long the text took, and when the record left.
"""

import asyncio
import json
import struct
import sys
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from time import monotonic_ns
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve

from bench import stamping_amazon, stamping_azure
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, HttpServer
from offhook.vendors import amazon_asr, azure_asr, azure_tts

FRAME_BYTES = 160
PARTIAL_FRAMES = 10
RECORDS = 50
STAMPS = struct.Struct("<qq")
RECORD_BYTES = {"openai": 960}
"""Of 20 ms of speech; of others 160, mu-law."""


def record(there_ns: int, size: int = FRAME_BYTES) -> bytes:
    """20 ms of speech that leave now."""
    return STAMPS.pack(there_ns, monotonic_ns()) + bytes(size - STAMPS.size)


class RecogniserStream:
    """A recogniser's stream. `partial` makes a message from a text; `ends` has, by command, what answers it."""

    def __init__(self, partial: Callable[[str], Any], ends: dict[str, list[Any]], hello: Any = None) -> None:
        self.partial = partial
        self.ends = ends
        self.hello = hello

    async def run(self, connection: ServerConnection) -> None:
        """Serve until it is closed."""
        if self.hello is not None:
            await _send(connection, self.hello)
        frames = answered = 0
        async for message in connection:
            now_ns = monotonic_ns()
            audio, command = _audio(message)
            frames += audio // FRAME_BYTES
            if frames - answered >= PARTIAL_FRAMES:
                answered = frames
                await _send(connection, self.partial(f"{frames} {now_ns} {monotonic_ns()}"))
            for answer in self.ends.get(command, ()):
                await _send(connection, answer)


def _audio(message: str | bytes) -> tuple[int, str]:
    """Bytes of audio in a message, and its command."""
    if isinstance(message, bytes):
        return len(message), ""
    if not message.startswith("{"):
        return 0, message
    fields = json.loads(message)
    command = "commit" if fields.get("commit") else str(fields.get("type") or fields.get("message_type"))
    encoded = fields.get("audio_base_64") or fields.get("audio")
    return len(b64decode(encoded)) if isinstance(encoded, str) else 0, command


async def _send(connection: ServerConnection, message: Any) -> None:
    await connection.send(message if isinstance(message, str | bytes) else json.dumps(message))


def _results(text: str, *, final: bool = False) -> dict[str, Any]:
    channel = {"alternatives": [{"transcript": text, "confidence": 1.0, "words": []}]}
    about = {"start": 0.0, "duration": 3_600.0, "is_final": final, "from_finalize": final}
    return {"type": "Results", "channel": channel, **about}


def _turn(text: str, *, end: bool = False) -> dict[str, Any]:
    words = [{"text": each, "start": 0, "end": 9e6, "confidence": 1.0} for each in text.split()]
    return {"type": "Turn", "turn_order": 0, "end_of_turn": end, "transcript": text, "words": words}


_DELTA = "conversation.item.input_audio_transcription"
_COMMITTED = {"message_type": "committed_transcript_with_timestamps", "text": "", "words": []}
RECOGNISER_STREAMS = {
    "/v1/listen": lambda: RecogniserStream(_results, {"Finalize": [_results("", final=True)]}),
    "/v1/speech-to-text/realtime": lambda: RecogniserStream(
        lambda text: {"message_type": "partial_transcript", "text": text},
        {"commit": [_COMMITTED]},
        {"message_type": "session_started"},
    ),
    "/stt/websocket": lambda: RecogniserStream(
        lambda text: {"type": "transcript", "text": text, "is_final": False, "words": []},
        {"finalize": [{"type": "flush_done"}]},
    ),
    "/v3/ws": lambda: RecogniserStream(_turn, {"ForceEndpoint": [_turn("", end=True)]}, {"type": "Begin"}),
    "/v1/realtime": lambda: RecogniserStream(
        lambda text: {"type": f"{_DELTA}.delta", "delta": f" {text}"},
        {
            "session.update": [{"type": "session.updated"}],
            "input_audio_buffer.commit": [{"type": f"{_DELTA}.completed", "transcript": ""}],
        },
    ),
}


async def deepgram_voice(connection: ServerConnection) -> None:
    """Binary records after each text."""
    async for message in connection:
        now_ns = monotonic_ns()
        fields = json.loads(message)
        if fields["type"] == "Speak":
            for _ in range(RECORDS):
                await connection.send(record(now_ns - int(fields["text"])))
            await connection.send('{"type":"Flushed"}')


async def elevenlabs_voice(connection: ServerConnection) -> None:
    """Records in JSON, with the context's name."""
    async for message in connection:
        now_ns = monotonic_ns()
        fields = json.loads(message)
        name, text = fields.get("context_id"), str(fields.get("text") or "").strip()
        if text:
            for _ in range(RECORDS):
                audio = b64encode(record(now_ns - int(text))).decode()
                await _send(connection, {"audio": audio, "contextId": name})
        elif fields.get("close_context"):
            await _send(connection, {"isFinal": True, "contextId": name})


async def cartesia_voice(connection: ServerConnection) -> None:
    """The same, with other words."""
    async for message in connection:
        now_ns = monotonic_ns()
        fields = json.loads(message)
        name, text = fields["context_id"], str(fields.get("transcript") or "").strip()
        if text:
            for _ in range(RECORDS):
                data = b64encode(record(now_ns - int(text))).decode()
                await _send(connection, {"type": "chunk", "data": data, "context_id": name})
            await _send(connection, {"type": "done", "context_id": name})


async def openai_voice(request: HttpRequest) -> HttpResponse:
    """Records as chunks of the body."""
    now_ns = monotonic_ns()
    there_ns = now_ns - int(json.loads(request.body)["input"].split()[0])

    async def records() -> AsyncIterator[bytes]:
        for _ in range(RECORDS):
            yield record(there_ns, RECORD_BYTES["openai"])

    return HttpResponse(content_type="audio/pcm", body=records())


async def http_voice(request: HttpRequest) -> HttpResponse:
    """Polly, or OpenAI's."""
    if request.path == stamping_amazon.POLLY:
        return await stamping_amazon.speak(request, record, RECORDS)
    return await openai_voice(request)


VOICES = {"/v1/speak": deepgram_voice, "/v1/text-to-speech": elevenlabs_voice, "/tts/websocket": cartesia_voice}


async def run(connection: ServerConnection) -> None:
    """Serve any of them, by the path."""
    assert connection.request is not None
    path = urlsplit(connection.request.path).path
    if path == amazon_asr.PATH:
        await stamping_amazon.listen(connection, PARTIAL_FRAMES)
        return
    if path == azure_asr.PATH:
        await stamping_azure.listen(connection, FRAME_BYTES, PARTIAL_FRAMES)
        return
    if path == azure_tts.PATH:
        await stamping_azure.speak(connection, record, RECORDS)
        return
    if path in RECOGNISER_STREAMS:
        await RECOGNISER_STREAMS[path]().run(connection)
        return
    await next(voice for prefix, voice in VOICES.items() if path.startswith(prefix))(connection)


async def bare(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A socket alone: what the machine takes."""
    while data := await reader.read(STAMPS.size):
        there_ns = monotonic_ns() - STAMPS.unpack(data)[0]
        writer.write(STAMPS.pack(there_ns, monotonic_ns()))
    writer.close()


async def serve_all() -> None:
    """Print the ports, of WebSockets, HTTP and the bare socket, and serve until the parent is gone."""
    http = HttpServer(http_voice)
    await http.start()
    azure_voices = stamping_azure.voices
    async with serve(run, "127.0.0.1", 0, process_request=azure_voices, compression=None, ping_interval=None) as server:
        plain = await asyncio.start_server(bare, "127.0.0.1", 0)
        ports = (next(iter(server.sockets)), http, plain.sockets[0])
        print(*(each.port if isinstance(each, HttpServer) else each.getsockname()[1] for each in ports), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await http.close()

"""A small server with the HTTP interface of Coqui TTS's `tts-server`: its voice hums, 80 ms for each character."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import numpy as np

RATE_HZ = 22_050
SECONDS_A_CHARACTER = 0.08


@dataclass(slots=True)
class CoquiServer:
    """What it was asked, and how it shall answer."""

    speakers: tuple[str, ...] = ("p225", "Claribel Dervla")
    has_list: bool = True
    has_default: bool = True
    """Whether it was started with a speaker."""
    status: int = 200
    content: bytes | None = None
    delay_s: float = 0.0
    chunked: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)
    """Before the answer."""
    url: str = ""
    serving: set["asyncio.Task[None]"] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Another client."""
        self.serving.add(asyncio.create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            await self._serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, target, _ = head.split(" ", 2)
        parts = urlsplit(target)
        sent = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if method == "POST":
            size = int(head.lower().partition("content-length:")[2].split()[0])
            sent = json.loads(await reader.readexactly(size))
        status, content = self._answer(parts.path, sent)
        if parts.path != "/voices" and self.delay_s:
            left = asyncio.create_task(reader.read())
            done, _ = await asyncio.wait((left,), timeout=self.delay_s)
            left.cancel()
            if done:
                self.client_left.set()
        writer.write(f"HTTP/1.1 {status} X\r\nConnection: close\r\n".encode())
        if self.chunked:
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(content), 1_000):
                piece = content[at : at + 1_000]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(content), content))

    def _answer(self, path: str, sent: dict[str, str]) -> tuple[int, bytes]:
        if path == "/voices":
            lines = "".join(f"{speaker} multilingual u\n" for speaker in self.speakers)
            return (200, lines.encode()) if self.has_list else (404, b"not found")
        self.asked.append(sent | {"path": path})
        self.was_asked.set()
        text = sent.get("text") or sent.get("input") or ""
        if self.status != 200:
            return self.status, b'{"error": "TTS synthesis failed"}'
        if not self.has_default and "speaker_id" not in sent:
            return 500, b'{"error": "TTS synthesis failed: You need to pass either a speaker name or an audio file."}'
        return 200, hum(len(text) / float(sent.get("speed", 1.0))) if self.content is None else self.content


def hum(characters: float, rate_hz: int = RATE_HZ) -> bytes:
    """A WAV file."""
    count = int(characters * SECONDS_A_CHARACTER * rate_hz)
    tone = np.sin(np.arange(count) * 2 * np.pi * 300 / rate_hz) * 12_000
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate_hz, 0, "NONE", ""))
        file.writeframes(tone.astype("<i2").tobytes())
    return content.getvalue()


@asynccontextmanager
async def coqui_server() -> AsyncIterator[CoquiServer]:
    """One that listens on loopback."""
    server = CoquiServer()
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        await asyncio.gather(*server.serving, return_exceptions=True)
        await listening.wait_closed()

"""Azure's voices: requests follow each other on a connection, each of SSML or of streamed text."""

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from websockets.asyncio.server import ServerConnection

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.azure_session import TICKS_PER_MS, AzureHost, AzureSession
from offhook.testing.vendors.server import SessionLog
from offhook.testing.vendors.speaking import SpeakingContext
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak
from offhook.vendors import azure_wire as wire

_NAMES = (
    *("en-US-AvaMultilingualNeural", "en-US-AndrewMultilingualNeural", "en-US-JennyNeural", "en-GB-SoniaNeural"),
    *("de-DE-KatjaNeural", "de-CH-LeniNeural", "fr-FR-DeniseNeural", "es-ES-ElviraNeural"),
)
VOICES = [
    {
        "Name": f"Microsoft Server Speech Text to Speech Voice ({name[:5]}, {name[6:]})",
        "DisplayName": name[6:].removesuffix("Neural"),
        "LocalName": name[6:].removesuffix("Neural"),
        "ShortName": name,
        "Gender": "Female",
        "Locale": name[:5],
        "LocaleName": name[:5],
        "SampleRateHertz": "24000",
        "VoiceType": "Neural",
        "Status": "GA",
        "WordsPerMinute": "150",
    }
    for name in _NAMES
]
"""What the list of voices has."""

FORMATS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "raw-8khz-8bit-mono-mulaw": (8_000, PCMU.encode),
    "raw-8khz-8bit-mono-alaw": (8_000, PCMA.encode),
    "raw-8khz-16bit-mono-pcm": (8_000, bytes),
    "raw-16khz-16bit-mono-pcm": (16_000, bytes),
    "raw-24khz-16bit-mono-pcm": (24_000, bytes),
}

_WORD = re.compile(r"\$?\w+(?:[\w.,:'%]*\w)?|\S")
_SENTENCES = re.compile(r"(?s).*[.!?]\s")
_SPEAK = "{http://www.w3.org/2001/10/synthesis}"


class _Request:
    """A request's settings and speech."""

    def __init__(self, request_id: str, synthesis: dict[str, Any]) -> None:
        audio = synthesis.get("audio") or {}
        self.id = request_id
        self.format = audio.get("outputFormat")
        self.metadata: dict[str, Any] = audio.get("metadataOptions") or {}
        text = synthesis.get("input") or {}
        self.voice = text.get("voiceName", "")
        self.streams_text = bool(text.get("bidirectionalStreamingMode"))
        self.held = ""  # text whose sentence is not complete
        self.stream_id = wire.new_id()
        self.speech: SpeakingContext | None = None


class SpeakSession(AzureSession):
    """Speaks one request at a time."""

    def __init__(self, server: AzureHost, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self._request: _Request | None = None

    async def take(self, message: wire.WireMessage) -> bool:
        """See AzureSession."""
        if message.path == "synthesis.context":
            return await self._context(message)
        request = self._request
        if request is None or request.id != message.request_id:
            return message.path in ("telemetry", "synthesis.control")  # of what is over
        match message.path:
            case "ssml":
                return await self._ssml(request, str(message.body))
            case "text.piece":
                self._piece(request, str(message.body))
            case "text.end":
                self._text_end(request)
            case "synthesis.control":
                await self._stop(request)
        return True

    async def _context(self, message: wire.WireMessage) -> bool:
        request = _Request(message.request_id, message.fields.get("synthesis") or {})
        if request.format not in FORMATS:
            return await self.refuse(f"Unsupported output format {request.format}.")
        if self._request is not None:
            self.server.violations.append("a request began before the turn.end of the one before")
        self._request = request
        if request.streams_text:
            return await self._begin(request)
        return True

    async def _begin(self, request: _Request) -> bool:
        """The speech of a request begins."""
        if request.voice not in _NAMES:
            return await self.refuse(f"Unsupported voice {request.voice}.")
        rate_hz, encode = FORMATS[str(request.format)]
        shown = wire.new_id() if self.server.fault == "wrong-context" else request.id

        async def emit(text: str, start: int) -> None:
            await self._words(request, shown, text, start)
            head = {"X_StreamId": request.stream_id, "Content_Type": "audio/raw"}
            await self.connection.send(wire.audio_message(shown, encode(speak(text, rate_hz)), **head))

        request.speech = SpeakingContext(self.server, emit, self.server.realtime_factor, whole_words=True)
        await self.send("turn.start", shown, {"context": {"serviceTag": wire.new_id()}})
        stream = {"type": "inline", "streamId": request.stream_id}
        await self.send("response", shown, {"context": {"serviceTag": wire.new_id()}, "audio": stream})
        return True

    async def _words(self, request: _Request, shown: str, text: str, start: int) -> None:
        found = []
        matches = list(_WORD.finditer(text))
        words = [match for match in matches if match.group()[0].isalnum() or match.group()[0] == "$"]
        for match in matches:
            # The tones of punctuation are part of the word that they follow.
            end = len(text.rstrip()) if match in words[-1:] else match.end()
            kind = "WordBoundary" if match in words else "PunctuationBoundary"
            if request.metadata.get(f"{kind[:1].lower()}{kind[1:]}Enabled"):
                found.append(_boundary(match.group(), kind, start + match.start(), end - match.start()))
        if found:
            await self.send("audio.metadata", shown, {"Metadata": found})

    async def _ssml(self, request: _Request, body: str) -> bool:
        try:
            tree = ElementTree.fromstring(body)
        except ElementTree.ParseError as error:
            return await self.refuse(f"The SSML is invalid: {error}")
        voice = tree.find(f"{_SPEAK}voice")
        if tree.tag != f"{_SPEAK}speak" or voice is None:
            return await self.refuse("The SSML has no voice.")
        request.voice = voice.get("name", "")
        if not await self._begin(request):
            return False
        self._say(request, "".join(voice.itertext()))
        self._text_end(request)
        return True

    def _piece(self, request: _Request, text: str) -> None:
        """Whole sentences are spoken; what follows them waits."""
        request.held += text
        if (sentences := _SENTENCES.match(request.held)) is not None:
            self._say(request, sentences.group())
            request.held = request.held[sentences.end() :]

    def _text_end(self, request: _Request) -> None:
        async def over() -> None:
            await self._turn_end(request)

        self._say(request, request.held)
        request.held = ""
        if request.speech is not None:
            request.speech.then(over)
            request.speech.end()

    def _say(self, request: _Request, text: str) -> None:
        if request.speech is not None and text:
            request.speech.say(text)

    async def _stop(self, request: _Request) -> None:
        if self.server.fault != "audio-after-cancel" and request.speech is not None:
            request.speech.cancel()
            await self._turn_end(request)

    async def _turn_end(self, request: _Request) -> None:
        if self.server.fault == "no-final":
            return
        if self._request is request:
            self._request = None
        shown = wire.new_id() if self.server.fault == "wrong-context" else request.id
        if request.metadata.get("sessionEndEnabled") and request.speech is not None:
            end = {"Type": "SessionEnd", "Data": {"Offset": request.speech.spoken * MS_PER_CHARACTER * TICKS_PER_MS}}
            await self.send("audio.metadata", shown, {"Metadata": [end]})
        await self.send("turn.end", shown)


def _boundary(text: str, kind: str, start: int, length: int) -> dict[str, Any]:
    """A word or punctuation, `start` characters after the request's start."""
    unit = MS_PER_CHARACTER * TICKS_PER_MS
    about = {"Text": text, "Length": len(text), "BoundaryType": kind}
    return {"Type": "WordBoundary", "Data": {"Offset": start * unit, "Duration": length * unit, "text": about}}

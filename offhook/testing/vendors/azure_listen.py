"""Azure's recogniser: requests follow each other on a connection, each with a header of RIFF WAVE and audio."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.azure_session import AzureSession, ticks
from offhook.testing.vendors.script import TimedWord, Turn
from offhook.vendors import azure_wire as wire

SEGMENTATION_S = 0.5
"""Silence after which a phrase ends, unless the client says otherwise."""

PAUSE_S = 0.1
"""A turn that is too long ends in a pause."""

UNTHROTTLED_S, MAX_SPEED = 5.0, 2.0
"""So much audio may be sent at once; more is taken at twice the speed of speech, as the vendor's client sends it."""

CONFIDENCE = 0.97

_DECODERS: dict[str, Callable[[bytes], bytes]] = {"LINEAR16": bytes, "PCMU": PCMU.decode, "PCMA": PCMA.decode}


class _Request:
    """A turn of the client: phrases of its audio."""

    def __init__(self, request_id: str, form: wire.WaveFormat) -> None:
        self.id = request_id
        self.rate_hz = form.rate_hz
        self.decode = _DECODERS[form.encoding]
        self.began_at = monotonic()
        self.has_started = False
        self.partials = 0
        self.phrase: Turn


class ListenSession(AzureSession):
    """Understands the server's texts, one for each phrase with speech."""

    _request: _Request | None = None
    _ended = ""  # the request that was answered last
    _contexts: Mapping[str, Any] = {}

    async def take(self, message: wire.WireMessage) -> bool:
        """See AzureSession."""
        if message.path == "speech.context":
            self._contexts = {message.request_id: message.fields}
            self.log.received = 0  # the fault `dies` counts from here on
            return True
        if message.path != "audio":
            return True  # telemetry
        if len(message.audio) > wire.MAX_AUDIO_BYTES:
            return await self.refuse("The audio chunk is too large.")
        if message.request_id == self._ended:
            return True  # the client did not know yet
        request, audio = self._request, message.audio
        if request is None or request.id != message.request_id:
            form = wire.read_wave_header(audio)
            if form is None or not form.encoding or form.channels != 1:
                return await self.refuse("The audio has no header, or an unsupported format.")
            request, audio = await self._begin(message.request_id, form), audio[form.size :]
            if not audio:
                return True
        await (self._audio(request, audio) if audio else self._end(request))
        return True

    async def _begin(self, request_id: str, form: wire.WaveFormat) -> _Request:
        request = self._request = _Request(request_id, form)
        request.phrase = Turn(self.server.script, request.rate_hz)
        about = {"encoding": form.encoding, "rate_hz": form.rate_hz}
        self.log.messages.append({"path": "audio", "request_id": request_id, **about})
        await self.send("turn.start", request.id, {"context": {"serviceTag": wire.new_id()}})
        return request

    async def _audio(self, request: _Request, audio: bytes) -> None:
        self.log.audio += audio
        text = request.phrase.push(request.decode(audio))
        if request.phrase.end_s > UNTHROTTLED_S + MAX_SPEED * (monotonic() - request.began_at):
            self.server.violations.append("audio came too fast")
        if request.phrase.heard_speech and not request.has_started:
            request.has_started = True
            await self.send("speech.startDetected", request.id, {"Offset": ticks(request.phrase.loud_from_s)})
        if text is not None:
            await self._hypothesis(request)
        if request.phrase.silence_s >= self._segmentation_s:
            await self._phrase(request, request.id)
        is_quiet = request.phrase.silence_s >= PAUSE_S or not request.phrase.heard_speech
        if is_quiet and request.phrase.end_s >= self.server.max_turn_s:
            await self._end(request)

    async def _hypothesis(self, request: _Request) -> None:
        request.partials += 1
        words = self.server.shown(request.phrase.shown_words(), request.partials)
        text = " ".join(word.text for word in words)
        await self.send(
            "speech.hypothesis", request.id, {"Id": wire.new_id(), "Text": text, **_span(words), "Channel": 0}
        )

    async def _phrase(self, request: _Request, request_id: str) -> None:
        """A phrase is over; the next begins."""
        phrase, request.phrase = request.phrase, request.phrase.following()
        words = phrase.finish()
        fields: dict[str, Any] = {"Id": wire.new_id(), "Channel": 0}
        if words:
            fields |= {"RecognitionStatus": "Success", **_span(words), **self._readings(words)}
        else:
            whole = {"Offset": ticks(phrase.end_s - phrase.seconds), "Duration": ticks(phrase.seconds)}
            fields |= {"RecognitionStatus": "NoMatch", **whole}
        await self.send("speech.phrase", request_id, fields)

    async def _end(self, request: _Request) -> None:
        """No audio follows."""
        if self.server.fault == "no-final":
            return
        await self.server.late()
        self._request, self._ended = None, request.id
        request_id = wire.new_id() if self.server.fault == "wrong-context" else request.id
        end = {"Offset": ticks(request.phrase.end_s)}
        await self.send("speech.endDetected", request_id, end)
        if request.phrase.heard_speech or not request.has_started:
            await self._phrase(request, request_id)
        last = {"Id": wire.new_id(), "RecognitionStatus": "EndOfDictation", **end, "Duration": 0, "Channel": 0}
        await self.send("speech.phrase", request_id, last)
        await self.send("turn.end", request_id)

    def _readings(self, words: list[TimedWord]) -> dict[str, Any]:
        lexical = " ".join(word.text for word in words)
        display = f"{lexical[:1].upper()}{lexical[1:]}."
        if not self._is_detailed:
            return {"DisplayText": display}
        best: dict[str, Any] = {"Confidence": CONFIDENCE, **_spellings(lexical, display)}
        if self._has_words:
            best["Words"] = [
                {"Word": word.text, **_span([word]), **({"Confidence": CONFIDENCE} if self._rates_words else {})}
                for word in words
            ]
        other = {"Confidence": 0.4, **_spellings(f"{lexical} eh", f"{display[:-1]} eh.")}
        return {"DisplayText": display, "NBest": [best, other]}

    @property
    def _context(self) -> Mapping[str, Any]:
        request = self._request
        found: Mapping[str, Any] = self._contexts.get(request.id if request is not None else self._ended, {})
        return found

    @property
    def _output(self) -> Mapping[str, Any]:
        found = self._context.get("phraseOutput")
        return found if isinstance(found, dict) else {}

    @property
    def _is_detailed(self) -> bool:
        return self.log.option("format") == "detailed" or self._output.get("format") == "Detailed"

    @property
    def _has_words(self) -> bool:
        return self.log.option("wordLevelTimestamps") == "true" or "WordTimings" in self._options

    @property
    def _rates_words(self) -> bool:
        return "WordConfidence" in self._options

    @property
    def _options(self) -> list[str]:
        return list(self._output.get("detailed", {}).get("options", []))

    @property
    def _segmentation_s(self) -> float:
        detection = self._context.get("phraseDetection") or {}
        segmentation = detection.get("conversation", {}).get("segmentation", {})
        return float(segmentation.get("segmentationSilenceTimeoutMs", 1000 * SEGMENTATION_S)) / 1000


def _span(words: Sequence[TimedWord]) -> dict[str, int]:
    start_s, end_s = (words[0].start_s, words[-1].end_s) if words else (0.0, 0.0)
    return {"Offset": ticks(start_s), "Duration": ticks(end_s) - ticks(start_s)}


def _spellings(lexical: str, display: str) -> dict[str, str]:
    return {"Lexical": lexical, "ITN": lexical, "MaskedITN": lexical, "Display": display}

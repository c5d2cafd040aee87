"""Amazon Transcribe's side of one stream, whichever way its messages come."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from offhook.testing.vendors.script import TimedWord, Turn
from offhook.testing.vendors.server import SessionLog, VendorServer
from offhook.testing.vendors.sigv4 import SignatureError, Signed
from offhook.vendors import event_stream
from offhook.vendors.event_stream import Event

IDLE_S = 15.0
MAX_CHUNK_BYTES = 32 * 1024
PAUSE_S = 1.0
"""Silence behind speech that ends a result. The real one decides by what was said, too."""

STABILITIES = ("low", "medium", "high")
TIMED_OUT = "Your request timed out because no new audio was received for 15 seconds."

Send = Callable[[bytes], Awaitable[None]]


def wrong_options(options: Mapping[str, str]) -> str:
    """What is wrong with a stream's options; "" if nothing. Their names are those of the WebSocket's query."""
    if not options.get("language-code") and options.get("identify-language") != "true":
        return "1 validation error detected: a language-code or identify-language is needed."
    if options.get("media-encoding") not in ("pcm", "ogg-opus", "flac"):
        return "1 validation error detected: Value at 'mediaEncoding' must be one of [pcm, ogg-opus, flac]."
    if options["media-encoding"] != "pcm":
        return "this server has only pcm"
    rate = options.get("sample-rate", "")
    if not rate.isdigit() or not 8_000 <= int(rate) <= 48_000:
        return "1 validation error detected: Value at 'mediaSampleRateHertz' must be from 8000 to 48000."
    stability = options.get("partial-results-stability")
    if stability is not None and options.get("enable-partial-results-stabilization") != "true":
        return "partial-results-stability needs enable-partial-results-stabilization."
    if stability not in (None, *STABILITIES):
        return f"1 validation error detected: Value at 'partialResultsStability' must be one of {list(STABILITIES)}."
    return ""


class TranscribeStream:
    """Takes messages with `take`, sends others with `send`. `signed`: its messages must be signed, as by HTTP/2."""

    def __init__(
        self,
        server: VendorServer,
        options: Mapping[str, str],
        log: SessionLog,
        send: Send,
        signed: Signed | None = None,
    ) -> None:
        self._server = server
        self._options = options
        self._log = log
        self._send = send
        self._signed = signed
        self._rate_hz = int(options["sample-rate"])
        self._turn = Turn(server.script, self._rate_hz)
        self._results = 0
        self._partials = 0

    async def take(self, data: bytes) -> bool:
        """The client's next message. Whether the stream goes on."""
        try:
            event = event_stream.decode(data)
            if self._signed is not None:
                self._signed = self._signed.next(event)
                if not event.payload:
                    return True  # the signed end of the request's body, which follows the empty audio event
                event = event_stream.decode(event.payload)
        except ValueError as error:
            return await self.refuse("SerializationException", f"Could not decode the message: {error}")
        except SignatureError as error:
            return await self.refuse(error.code, str(error))
        if event.text(":event-type") != "AudioEvent" or event.text(":message-type") != "event":
            return await self.refuse("BadRequestException", f"The message {dict(event.headers)} is not an AudioEvent.")
        if len(event.payload) > MAX_CHUNK_BYTES:
            return await self.refuse("BadRequestException", "Your audio chunk is too large.")
        if len(event.payload) % 2:
            return await self.refuse("BadRequestException", "The audio has half a sample.")
        if not event.payload:
            return await self._end()
        await self._audio(event.payload)
        return True

    async def timed_out(self) -> None:
        """No audio came for `IDLE_S`."""
        await self.complain("BadRequestException", TIMED_OUT)

    async def refuse(self, code: str, why: str) -> bool:
        """The client does what the documentation forbids."""
        self._server.violations.append(why)
        await self.complain(code, why)
        return False

    async def complain(self, code: str, why: str) -> None:
        """Send an exception."""
        headers = {":message-type": "exception", ":exception-type": code, ":content-type": "application/json"}
        await self._send(event_stream.encode(Event(headers, json.dumps({"Message": why}).encode())))

    async def _audio(self, pcm: bytes) -> None:
        self._log.audio += pcm
        if self._turn.push(pcm) is not None:
            self._partials += 1
            await self._result(self._server.shown(self._turn.shown_words(), self._partials), is_partial=True)
        if self._turn.silence_s >= PAUSE_S and self._server.fault != "no-final":
            await self._final()

    async def _end(self) -> bool:
        if self._server.fault == "no-final":
            return True  # and the stream stays open
        await self._server.late()
        if self._turn.heard_speech:
            await self._final()
        return False

    async def _final(self) -> None:
        words = self._turn.finish()
        await self._result(words, is_partial=False)
        self._turn = Turn(self._server.script, self._rate_hz, self._turn.end_s)
        self._results += 1

    async def _result(self, words: Sequence[TimedWord], *, is_partial: bool) -> None:
        text = " ".join(word.text for word in words)
        items = [self._item(word, is_partial=is_partial) for word in words]
        result: dict[str, Any] = {
            "ResultId": f"result-{self._results}",
            "StartTime": round(self._turn.loud_from_s, 3),
            "EndTime": round(self._turn.end_s, 3),
            "IsPartial": is_partial,
            "Alternatives": [{"Transcript": text, "Items": items}] if words else [],
            "ChannelId": "ch_0",
        }
        headers = {":message-type": "event", ":event-type": "TranscriptEvent", ":content-type": "application/json"}
        payload = json.dumps({"Transcript": {"Results": [result]}}).encode()
        await self._send(event_stream.encode(Event(headers, payload)))

    def _item(self, word: TimedWord, *, is_partial: bool) -> dict[str, Any]:
        item: dict[str, Any] = {
            "Content": word.text,
            "StartTime": round(word.start_s, 3),
            "EndTime": round(word.end_s, 3),
            "Type": "pronunciation",
            "VocabularyFilterMatch": False,
        }
        if not is_partial:
            item["Confidence"] = 0.97
        if self._options.get("enable-partial-results-stabilization") == "true":
            item["Stable"] = not is_partial
        return item

"""A text spoken by one of Google's voices that do not stream: a request, and an answer with all of its audio.

Words are found by marks that stand before each of them: Google tells when it comes to one.
"""

from collections.abc import Callable, Iterator
from typing import Any
from xml.sax.saxutils import escape

from google.cloud.texttospeech_v1beta1 import types

from offhook.pipeline.asr.engine import Encoding
from offhook.pipeline.tts.engine import Word
from offhook.vendors.connection import Message
from offhook.vendors.g711 import Format
from offhook.vendors.grpc_wire import END, decoded
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.word_times import tokens

METHOD = "google.cloud.texttospeech.v1beta1.TextToSpeech/SynthesizeSpeech"
"""The only version that tells about marks."""

MAX_BYTES = 400
"""Of one text. Google takes 5000 with the marks, of which each word has 20."""

Request = types.SynthesizeSpeechRequest.pb()
Response = types.SynthesizeSpeechResponse.pb()
Marks = types.SynthesizeSpeechRequest.TimepointType.SSML_MARK

_ENCODINGS: dict[Encoding, Any] = {
    "PCMU": types.AudioEncoding.MULAW,
    "PCMA": types.AudioEncoding.ALAW,
    "LINEAR16": types.AudioEncoding.LINEAR16,
}


class GoogleWholeSpeech(VendorSpeech):
    """`choose` sets the voice in a request; `speed` may be None."""

    def __init__(
        self,
        utterance: Utterance,
        options: SpeechOptions,
        text: str,
        form: Format,
        choose: Callable[[Any], None],
        *,
        speed: float | None,
        with_marks: bool,
    ) -> None:
        super().__init__(utterance, options, text)
        self._form = form
        request = Request()
        choose(request.voice)
        request.audio_config.audio_encoding = _ENCODINGS[form.encoding]
        request.audio_config.sample_rate_hertz = form.rate_hz
        if speed is not None:
            request.audio_config.speaking_rate = speed
        self._tokens = tokens(text) if with_marks else []
        if with_marks:
            request.input.ssml = ssml(text, self._tokens)
            request.enable_time_pointing.append(Marks)
        else:
            request.input.text = text
        self._request = bytes(request.SerializeToString())

    def begin(self) -> None:
        """See VendorSpeech."""
        self.connection.send(self._request)
        self.connection.send(END)

    def read(self, message: Message) -> None:
        """See VendorSpeech."""
        if message == END:
            self.complete()
            return
        response = decoded(Response, message)
        pcm = bare(response.audio_content)
        self.audio(pcm, self._words(response.timepoints, len(pcm) // self._form.sample_bytes))

    def _words(self, timepoints: Any, samples: int) -> tuple[Word, ...]:
        """A word lasts until the next begins."""
        starts = {each.mark_name: round(each.time_seconds * self._form.rate_hz) for each in timepoints}
        at = [starts.get(str(number)) for number in range(len(self._tokens))]
        words = []
        for number, (begin, end) in enumerate(self._tokens):
            first = at[number]
            if first is not None:
                last = next((each for each in at[number + 1 :] if each is not None), samples)
                words.append(Word(self.text[begin:end], begin, end, first, max(first, last)))
        return tuple(words)


def ssml(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with a mark before each of its words."""
    marked = " ".join(f'<mark name="{at}"/>{escape(text[begin:end])}' for at, (begin, end) in enumerate(spans))
    return f"<speak>{marked}</speak>"


def bare(audio: bytes) -> bytes:
    """The samples of a WAV file; `audio` itself if it is none."""
    if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        return audio
    at = 12
    while at + 8 <= len(audio):
        size = int.from_bytes(audio[at + 4 : at + 8], "little")
        if audio[at : at + 4] == b"data":
            return audio[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return b""


def parts(text: str, max_bytes: int) -> Iterator[str]:
    """The text in pieces of at most so many bytes, divided before a word where that is possible."""
    while len(text.encode()) > max_bytes:
        size = max_bytes
        while len(text[:size].encode()) > max_bytes:
            size -= 1
        at = text.rfind(" ", 1, size)
        yield text[: at if at > 0 else size]
        text = text[at if at > 0 else size :]
    yield text

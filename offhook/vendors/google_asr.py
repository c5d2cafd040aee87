"""Google's recogniser, Speech-to-Text v2: `[asr] engine = "google"`.

A turn is a call of StreamingRecognize, which ends by closing our half: what is final is sent, and the call ends. The
question's phrases are sent with it. Mu-law and A-law are taken as they are.

Google ends a call after five minutes. Before, the turn goes on with another, which gets the audio behind the last final
result: in a pause if there is one. Results tell how far into the audio they reach.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from google.cloud.speech_v2 import types
from pydantic import Field

from offhook.engines.factory import EngineContext, FromEnvironment, read_options
from offhook.pipeline.asr.engine import AsrRequest, Encoding, RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError
from offhook.usererror import UserError
from offhook.vendors.connection import Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.google import VENDOR, GoogleAccess, GoogleOptions, target
from offhook.vendors.google_voices import with_region
from offhook.vendors.grpc_wire import END, decoded
from offhook.vendors.limits import Limits
from offhook.vendors.packing import Packing
from offhook.vendors.probe import probe
from offhook.vendors.recogniser import RecogniserOptions, RecogniserTurn, VendorAsr, silence
from offhook.vendors.target import Target

METHOD = "google.cloud.speech.v2.Speech/StreamingRecognize"

MAX_PHRASES = 1_000
MAX_PHRASE_CHARS = 100
MAX_CONFIG_BYTES = 20_000
"""Google takes 25 kB in a message."""

MAX_QUEUED_BYTES = 3_000_000
"""A minute at 16 kHz that is sent again, and what follows meanwhile."""

READY_S = 3.0
PROBE_S = 0.1
"""Of silence, to see whether Google takes the options. It bills a second."""

Request = types.StreamingRecognizeRequest.pb()
Response = types.StreamingRecognizeResponse.pb()
Event = types.StreamingRecognizeResponse.SpeechEventType
Sensitivity = types.StreamingRecognitionFeatures.EndpointingSensitivity
Decoding = types.ExplicitDecodingConfig.AudioEncoding

_ENCODINGS: dict[Encoding, Any] = {
    "PCMU": Decoding.MULAW,
    "PCMA": Decoding.ALAW,
    "LINEAR16": Decoding.LINEAR16,
}
_SENSITIVITIES = {
    "short": Sensitivity.ENDPOINTING_SENSITIVITY_SHORT,
    "supershort": Sensitivity.ENDPOINTING_SENSITIVITY_SUPERSHORT,
}


class GoogleAsrOptions(RecogniserOptions, GoogleOptions):
    """See docs/engines.md."""

    project: Annotated[str | None, FromEnvironment("GOOGLE_CLOUD_PROJECT")] = None
    recogniser: str = "_"
    model: str = "telephony"
    keyterms: tuple[str, ...] = ()
    phrases: bool = True
    boost: Annotated[float, Field(ge=0, le=20)] = 10.0
    alternatives: Annotated[int, Field(ge=1, le=30)] = 3
    punctuate: bool = True
    word_times: bool = True
    endpointing: Literal["standard", "short", "supershort"] = "standard"
    query: dict[str, str] = Field(default={}, max_length=0)


class GoogleTurn(RecogniserTurn):
    """A turn, and a call of StreamingRecognize, or several if it is long."""

    renew_s: ClassVar[float] = 240.0
    """A call with so much audio is renewed at the next final result, that is in a pause,"""
    last_s: ClassVar[float] = 285.0
    """and with so much in the middle of speech. Google ends it at 300."""
    again_s: ClassVar[float] = 60.0
    """Most that is sent again, less than `last_s`: of earlier audio without a final result the partial one is taken."""

    def begin(self) -> None:
        """See VendorTurn."""
        self._from_bytes = self.settled_bytes  # where the call begins in the turn
        self._partial, self._partial_bytes = "", self.settled_bytes
        self._is_paused = False

    def pack(self, audio: bytes) -> Message:
        """See VendorTurn."""
        return bytes(Request(audio=audio).SerializeToString())

    def force(self) -> Message:
        """See VendorTurn."""
        return END

    def feed(self, pcm: bytes) -> None:
        """See AsrStream."""
        super().feed(pcm)
        if self.call_s >= self.last_s and not self.is_finishing and self.connection.is_usable:
            self.renew()

    def renew(self) -> None:
        """See VendorTurn."""
        again_bytes = round(self.again_s * self.form.rate_hz) * self.form.sample_bytes
        if len(self._audio) - self.settled_bytes > again_bytes:
            if self._partial:
                self.finals.segment(Transcript(self._partial))
                self.settled_bytes = self._partial_bytes
            self.settled_bytes = max(self.settled_bytes, len(self._audio) - again_bytes)
        super().renew()

    def read(self, message: Message) -> None:
        """See VendorTurn."""
        if message == END:
            if self.is_finishing:
                self.finals.complete()
            return
        response = decoded(Response, message)
        self._event(response.speech_event_type)
        settled = [result for result in response.results if result.is_final]
        for result in settled:
            self._final(result)
        if settled and self.call_s >= self.renew_s and not self.is_finishing:
            self.renew()
            return
        partial = [result for result in response.results if not result.is_final and result.alternatives]
        if partial:
            self._partial = "".join(result.alternatives[0].transcript for result in partial).strip()
            self._partial_bytes = self._position(max(_seconds(result.result_end_offset) for result in partial))
            self.finals.interim(self._partial)

    @property
    def call_s(self) -> float:
        """Audio of this call."""
        return (len(self._audio) - self._from_bytes) / self.form.bytes_per_s

    def _position(self, offset_s: float) -> int:
        """An offset of the call, in bytes of the turn."""
        at = self._from_bytes + round(offset_s * self.form.rate_hz) * self.form.sample_bytes
        return min(len(self._audio), max(self.settled_bytes, at))

    def _final(self, result: Any) -> None:
        from_s = self._from_bytes / self.form.bytes_per_s
        self.settled_bytes = self._position(_seconds(result.result_end_offset))
        self._partial, self._partial_bytes = "", self.settled_bytes
        if result.alternatives:
            best, *others = result.alternatives
            words = tuple(
                RecognisedWord(
                    word.word,
                    from_s + _seconds(word.start_offset),
                    from_s + _seconds(word.end_offset),
                    _confidence(word.confidence),
                )
                for word in best.words
            )
            texts = tuple(other.transcript.strip() for other in others)
            self.finals.segment(Transcript(best.transcript.strip(), _confidence(best.confidence), words, texts))

    def _event(self, event: int) -> None:
        if event == Event.SPEECH_ACTIVITY_BEGIN:
            self.finals.interim("")
            if self._is_paused:
                self._is_paused = False
                self.report_endpoint("resumed")
        elif event == Event.SPEECH_ACTIVITY_END:
            self._is_paused = True
            self.vendor_ended()


class GoogleAsr(VendorAsr[GoogleAsrOptions]):
    """Made by `make`."""

    turn_type: type[RecogniserTurn] = GoogleTurn
    packing = Packing(20, 500)
    reuses = False
    opens_ahead = False

    def __init__(self, options: GoogleAsrOptions, context: EngineContext, limits: Limits | None = None) -> None:
        limits = replace(limits or Limits(), max_queued_bytes=MAX_QUEUED_BYTES)
        self.access = GoogleAccess(context.name, options, replace(limits, spare=options.spare))
        self.word_times = options.word_times
        super().__init__(options, context, limits, None, None, self.access.dial)

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or options that Google does not take."""
        try:
            await self.access.auth.headers()
            unreached = await self._try()
        except VendorRefusedError:
            await self.close()
            raise
        except EngineError as error:
            unreached = error  # an outage is no reason not to start
        await self.pool.start(unreached=unreached)

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await super().close()
        await self.access.channels.close()

    def target_of(self, request: AsrRequest) -> Target:
        """See VendorAsr. Google wants the phrases at the start."""
        language = request.language or self.options.language or self.context.language
        return self._with_phrases(language, request.phrases if self.options.phrases else ())

    def target(self, language: str) -> Target:
        """See VendorAsr."""
        return self._with_phrases(language, ())

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {**super().dump(), **self.access.channels.dump()}

    async def _try(self) -> EngineError | None:
        """See probe."""
        where = self._target(None)
        self.access.channels.connect(where)
        quiet = Request(audio=silence(self.form, PROBE_S)).SerializeToString()
        where = replace(where, hello=(*where.hello, quiet, END))
        return await probe(where, self.pool.limits, lambda message: message == END, READY_S, self.access.dial)

    def _with_phrases(self, language: str, phrases: tuple[str, ...]) -> Target:
        request = Request(recognizer=self._recogniser())
        config = request.streaming_config
        config.config.CopyFrom(self._config(language, phrases))
        features = config.streaming_features
        features.interim_results = True
        features.enable_voice_activity_events = self.options.turns != "ours"
        if self.options.endpointing != "standard":
            features.endpointing_sensitivity = _SENSITIVITIES[self.options.endpointing]
        where = target("asr", self.name, self.options, "speech", METHOD)
        return replace(where, hello=(bytes(request.SerializeToString()),))

    def _config(self, language: str, phrases: tuple[str, ...]) -> Any:
        options, form = self.options, self.form
        config = types.RecognitionConfig.pb()(model=options.model, language_codes=[with_region(language)])
        decoding = config.explicit_decoding_config
        decoding.encoding, decoding.sample_rate_hertz, decoding.audio_channel_count = (
            _ENCODINGS[form.encoding],
            form.rate_hz,
            1,
        )
        features = config.features
        features.enable_word_time_offsets = features.enable_word_confidence = options.word_times
        features.enable_automatic_punctuation = options.punctuate
        features.max_alternatives = options.alternatives
        fitting = _fitting((*phrases, *options.keyterms))
        if fitting:
            found = config.adaptation.phrase_sets.add().inline_phrase_set
            found.boost = options.boost
            for phrase in fitting:
                found.phrases.add(value=phrase)
        return config

    def _recogniser(self) -> str:
        options = self.options
        project = options.project or self.access.auth.project
        if not project:
            hint = "Type: export GOOGLE_CLOUD_PROJECT=…"
            raise VendorRefusedError(self.name, f"asking {VENDOR}", "the project is not known", hint)
        return f"projects/{project}/locations/{options.location}/recognizers/{options.recogniser}"


def make(options: Mapping[str, Any], context: EngineContext) -> GoogleAsr:
    """The factory of `asr.engine = "google"`."""
    own = read_options(GoogleAsrOptions, options, context)
    if own.api_key is not None and own.project is None:
        raise UserError(
            f"{context.name} needs `project`", "a key does not tell it", "export GOOGLE_CLOUD_PROJECT=…", context.where
        )
    return GoogleAsr(own, context)


def _fitting(phrases: Iterable[str]) -> list[str]:
    """As many as Google takes, the question's own first."""
    found: list[str] = []
    left = MAX_CONFIG_BYTES
    for phrase in dict.fromkeys(each.strip() for each in phrases):
        left -= len(phrase.encode()) + 8
        if left < 0 or len(found) == MAX_PHRASES:
            break
        if 0 < len(phrase) <= MAX_PHRASE_CHARS:
            found.append(phrase)
    return found


def _confidence(value: float) -> float | None:
    """Google leaves it at 0 where it has none."""
    return round(value, 4) or None


def _seconds(duration: Any) -> float:
    return float(duration.seconds) + float(duration.nanos) / 1e9

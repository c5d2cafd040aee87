"""What the voices of several vendors share: options, a pool, a format for each line, and utterances.

A vendor's file derives from `VendorTts`, and says where it is reached (`target`) and how its texts are spoken
(`speech`).
"""

from collections.abc import AsyncIterator
from copy import copy
from dataclasses import replace
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities
from offhook.vendors.connection import Message
from offhook.vendors.g711 import Format, line_format
from offhook.vendors.limits import Limits
from offhook.vendors.pool import Pool
from offhook.vendors.target import Target
from offhook.vendors.utterance import SpeechOptions, Utterance, VendorSpeech
from offhook.vendors.websocket import dial_websocket
from offhook.vendors.wire import Dial


class VoiceOptions(BaseModel):
    """Options that the voices of all these vendors have; see docs/engines.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str | None = None
    language: str | None = None
    encoding: Literal["line", "PCMU", "PCMA", "LINEAR16"] = "line"
    continues: bool = True
    first_audio_ms: Annotated[int, Field(ge=100, le=10_000)] = 2_000
    spare: Annotated[int, Field(ge=0, le=64)] = 1
    query: dict[str, str] = {}


OptionsT = TypeVar("OptionsT", bound=VoiceOptions)


class VendorTts(Generic[OptionsT]):
    """`TtsEngine`, `LineTtsEngine`, `MultilingualTtsEngine` and `ConversationalTtsEngine`. `characters` have been given
    to the vendor so far."""

    drain_s: ClassVar[float] = 0.0
    opens_ahead: ClassVar[bool] = True
    """Whether connections are opened before they are needed."""
    languages: tuple[str, ...] = ()

    def __init__(
        self,
        options: OptionsT,
        context: EngineContext,
        limits: Limits,
        keep_alive: str | None,
        goodbye: str | None,
        dial: Dial = dial_websocket,
    ) -> None:
        self.name = context.name
        self.options = options
        self.context = context
        self.language = options.language or context.language
        self.characters = 0
        spare = options.spare if self.opens_ahead else 0
        self.pool = Pool(replace(limits, spare=spare), keep_alive, goodbye, dial)
        self._whole = self  # `for_line` and `in_language` make copies, which share everything
        first_s = options.first_audio_ms / 1000
        self.speech_options = SpeechOptions(self.name, first_s, drain_s=self.drain_s, on_characters=self._count)
        self._use(Format("PCMU" if options.encoding == "line" else options.encoding, 8_000))

    def target(self) -> Target:
        """Where to connect for speech in `self.form` and `self.language`."""
        raise NotImplementedError

    def speech(self, utterance: Utterance, text: str) -> VendorSpeech:
        """A text in an utterance."""
        raise NotImplementedError

    def goodbye(self, utterance: Utterance) -> Message | None:
        """What ends the context of an utterance that continues."""
        return None

    @property
    def word_positions(self) -> bool:
        """Whether the vendor tells where the words are."""
        return True

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or options that the vendor does not take."""
        await self.pool.start(self.target())

    @property
    def unreached(self) -> EngineError | None:
        """Why the vendor could not be reached at the start; None if it could."""
        return self.pool.unreached

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self.pool.close()

    def for_line(self, encoding: str, rate_hz: int) -> Self:
        """The same for a line: its G.711 law as it is, unless the options say otherwise."""
        form = line_format(encoding, rate_hz)
        if self.options.encoding != "line" or form == self.form:
            return self
        other = copy(self)
        other._use(form)
        if self.opens_ahead:
            self.pool.want(other.target())
        return other

    def in_language(self, language: str) -> Self:
        """The same voice in another language."""
        other = copy(self)
        other.language = language
        return other

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """Speak `text`. Raises EngineError while iterated."""
        return self.speech(Utterance(self.pool, self.target()), text).chunks()

    def conversation(self) -> "VendorConversation":
        """For a call that begins."""
        return VendorConversation(self)

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"characters": self._whole.characters, **self.pool.dump()}

    def _use(self, form: Format) -> None:
        self.form = form
        self.capabilities = TtsCapabilities(
            form.rate_hz, word_positions=self.word_positions, encoding=form.encoding, languages=self.languages
        )

    def _count(self, characters: int) -> None:
        self.characters += characters


class VendorConversation:
    """`TtsConversation`: the texts of an utterance share a context, unless the options say otherwise."""

    def __init__(self, engine: "VendorTts[VoiceOptions] | VendorTts[OptionsT]") -> None:
        self._engine = engine
        self._utterance: Utterance | None = None

    def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        """See TtsEngine."""
        engine = self._engine
        if not engine.options.continues:
            return engine.synthesize(text)
        if self._utterance is None:
            self._utterance = Utterance(engine.pool, engine.target(), continues=True)
        return engine.speech(self._utterance, text).chunks()

    def finished(self) -> None:
        """See TtsConversation."""
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.end(self._engine.goodbye(utterance))

    def interrupted(self, text: str, played_samples: int) -> None:
        """See TtsConversation. What is being synthesised is stopped when it is closed, and goes on if other calls wait
        for it."""
        self.finished()

    def close(self) -> None:
        """See TtsConversation."""
        self.finished()

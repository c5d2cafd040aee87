"""What the recognisers of several vendors share: options, a pool, a format for each line, and turns.

A vendor's file derives from `VendorAsr`, and says where it is reached (`target`) and how its turns read (`turn_type`, a
`RecogniserTurn`).
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from typing import Annotated, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, EndpointReport, OnEndpoint, OnPartial
from offhook.pipeline.errors import EngineError
from offhook.vendors.finals import FinalWait
from offhook.vendors.g711 import Format, line_format
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions, Preference, keyterms_of
from offhook.vendors.limits import Limits
from offhook.vendors.packing import Packing
from offhook.vendors.pool import Pool
from offhook.vendors.target import Target
from offhook.vendors.turn import TurnOptions, VendorTurn, log_late
from offhook.vendors.websocket import dial_websocket
from offhook.vendors.wire import Dial


class RecogniserOptions(BaseModel):
    """Options that the recognisers of all these vendors have; see docs/engines.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str | None = None
    turns: Literal["ours", "adviser", "vendor"] = "ours"
    final_ms: Annotated[int, Field(ge=50, le=10_000)] = 300
    late_finals: Literal["correct", "log", "drop"] = "correct"
    encoding: Literal["line", "PCMU", "PCMA", "LINEAR16"] = "line"
    spare: Annotated[int, Field(ge=0, le=64)] = 1
    query: dict[str, str] = {}


OptionsT = TypeVar("OptionsT", bound=RecogniserOptions)


class RecogniserTurn(VendorTurn):
    """A turn that knows its target, its format and its request, and what the vendor's end of a turn means."""

    def __init__(
        self,
        pool: Pool,
        target: Target,
        options: TurnOptions,
        on_partial: OnPartial,
        on_endpoint: OnEndpoint | None,
        form: Format,
        decides: bool,
        request: AsrRequest,
    ) -> None:
        self.target = target
        self.form = form
        self.decides = decides
        self.request = request
        super().__init__(pool, target, options, on_partial, on_endpoint)

    @property
    def first_s(self) -> float:
        """Where the turn begins in the connection's audio."""
        return self.first_byte / self.options.bytes_per_s

    def vendor_ended(self, *, likely: bool = False) -> None:
        """The vendor thinks that the turn is over, or likely so."""
        report: EndpointReport = "over" if self.decides and not likely else "likely"
        self.report_endpoint(report)


class VendorAsr(Generic[OptionsT]):
    """`AsrEngine`, `LineAsrEngine` and `EndpointingAsrEngine`. `audio_s` are the seconds given to the vendor so far."""

    turn_type: Callable[..., RecogniserTurn]
    packing: ClassVar[Packing] = Packing()
    encodings: ClassVar[tuple[str, ...]] = ("PCMU", "PCMA", "LINEAR16")
    keyterm_limits: ClassVar[KeytermLimits] = KeytermLimits()
    reuses: ClassVar[bool] = True
    opens_ahead: ClassVar[bool] = True
    """Whether connections are opened before they are needed."""
    partials: ClassVar[bool] = True
    confidence: ClassVar[bool] = True
    word_times = True
    languages: tuple[str, ...] = ()
    mixes = False
    """Whether it hears several languages in one turn."""

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
        self.audio_s = 0.0
        spare = options.spare if self.opens_ahead else 0
        self.pool = Pool(replace(limits, spare=spare), keep_alive, goodbye, dial)
        self._whole = self  # `for_line` makes copies, which share everything
        self._use(line_format("PCMU" if options.encoding == "line" else options.encoding, 8_000, self.encodings))

    def target(self, language: str) -> Target:
        """Where to connect for audio in `self.form`; `language` is a BCP 47 tag. One of these two methods is needed."""
        raise NotImplementedError

    def target_preferring(self, language: str, keyterms: tuple[str, ...]) -> Target:
        """The same for a turn that prefers these words, of a vendor that is told them when a stream is opened."""
        return self.target(language)

    def target_of(self, request: AsrRequest) -> Target:
        """The target of a turn: that of its language and words, unless the vendor wants more of the request."""
        return self.target_preferring(self._language(request.language), self._keyterms(request.phrases))

    def preferring(self, language: str, keyterms: tuple[str, ...]) -> str | None:
        """What makes an open stream prefer these words and no others, of a vendor that is told them later."""
        return None

    async def start(self) -> None:
        """Connect. Raises VendorRefusedError for a wrong key or options that the vendor does not take."""
        await self.pool.start(self._target(None))

    @property
    def unreached(self) -> EngineError | None:
        """Why the vendor could not be reached at the start; None if it could."""
        return self.pool.unreached

    async def close(self) -> None:
        """Disconnect. Idempotent."""
        await self.pool.close()

    def for_line(self, encoding: str, rate_hz: int) -> Self:
        """The same for a line: its G.711 law as it is, if the vendor has it and the options do not say otherwise."""
        if self.options.encoding != "line":
            return self
        form = line_format(encoding, rate_hz, self.encodings)
        if form == self.form:
            return self
        other = copy(self)
        other._use(form)
        if self.opens_ahead:
            self.pool.want(other._target(None))
        return other

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> RecogniserTurn:
        """Begin a turn."""
        turns = self.options.turns
        on_endpoint = None if turns == "ours" else on_endpoint
        language, keyterms = self._language(request.language), self._keyterms(request.phrases)
        preference = Preference(keyterms, self.preferring(language, keyterms))
        return self.turn_type(
            self.pool,
            self.target_of(request),
            self._turn_options.of_turn(request, preference),
            on_partial,
            on_endpoint,
            self.form,
            turns == "vendor",
            request,
        )

    def dump(self) -> dict[str, object]:
        """The live state, for debugging."""
        return {"audio_s": self._whole.audio_s, **self.pool.dump()}

    def _use(self, form: Format) -> None:
        self.form = form
        self.capabilities = AsrCapabilities(
            form.rate_hz,
            grammar=False,
            free_speech=True,
            partials=self.partials,
            encoding=form.encoding,
            word_times=self.word_times,
            confidence=self.confidence,
            ends_turns=self.options.turns != "ours",
            languages=self.languages,
            mixes=self.mixes,
        )
        self._turn_options = TurnOptions(
            self.name,
            form.bytes_per_s,
            form.sample_bytes,
            packing=self.packing,
            wait=FinalWait(wait_s=self.options.final_ms / 1000),
            reuses=self.reuses,
            on_late=log_late(self.name) if self.options.late_finals != "drop" else None,
            corrects=self.options.late_finals == "correct",
            on_audio=self._whole._count,
        )

    def _target(self, language: str | None) -> Target:
        return self.target_preferring(self._language(language), self._keyterms(()))

    def _language(self, language: str | None) -> str:
        return language or self.options.language or self.context.language

    def _keyterms(self, phrases: tuple[str, ...]) -> tuple[str, ...]:
        options = self.options
        return keyterms_of(options, phrases, self.keyterm_limits) if isinstance(options, KeytermOptions) else ()

    def _count(self, audio_s: float) -> None:
        self.audio_s += audio_s


def mean_confidence(confidences: Iterable[float | None]) -> float | None:
    """Of words, for vendors that rate no more than these; None if none is rated."""
    known = [each for each in confidences if each is not None]
    return sum(known) / len(known) if known else None


def silence(form: Format, seconds: float) -> bytes:
    """So much silence."""
    sample = {"PCMU": b"\xff", "PCMA": b"\xd5"}.get(form.encoding, b"\0\0")
    return sample * max(0, round(seconds * form.rate_hz))

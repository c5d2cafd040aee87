"""The interface of a recogniser."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, cast, runtime_checkable

from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as

Encoding = Literal["LINEAR16", "PCMU", "PCMA"]
"""Audio encoding of an engine: 16-bit little-endian mono PCM at any rate, or a G.711 law at 8000 Hz."""

EndpointReport = Literal["likely", "resumed", "over"]
"""What an engine that ends turns reports: the turn is likely over, continues after all, or is over."""

OnPartial = Callable[[str], None]
OnEndpoint = Callable[[EndpointReport], None]


@dataclass(frozen=True, slots=True)
class AsrCapabilities:
    """What an engine takes, and what it can do. `asr.adapt` makes up for what it lacks, or refuses it at start-up.

    `rate_hz` and `encoding` describe the audio that it takes. `grammar`: it understands JSGF; an engine without gets
    the question's phrases as hints, and its words are matched with them afterwards. `free_speech`: it recognises
    without a grammar. `partials`: it reports words before the turn is over. `word_times`, `confidence`: its transcripts
    have them. `ends_turns`: it is an EndpointingAsrEngine, which detects the end of a turn itself. `languages` are BCP
    47 tags, "en" for all of English; empty means any. `forces`: in which turns it may be asked for its final in a
    pause, and gets the turn's audio once more if the caller goes on: always, if the question has a grammar, or never.
    `mixes`: it hears several of its languages in one turn, and takes those of `AsrRequest.others`.
    """

    rate_hz: int
    grammar: bool
    free_speech: bool
    partials: bool
    encoding: Encoding = "LINEAR16"
    word_times: bool = False
    confidence: bool = False
    ends_turns: bool = False
    languages: tuple[str, ...] = ()
    forces: Literal["always", "grammar", "never"] = "always"
    mixes: bool = False


@dataclass(frozen=True, slots=True)
class AsrRequest:
    """One turn to recognise: with the JSGF `grammar`, or without one as free speech.

    `phrases` are likely answers, for engines that take hints. `language` is the one of the engine's languages that
    serves for the question's (any BCP 47 tag if the engine declares none); None means the engine's own. `others` are
    further ones that the turn may be in, for engines that mix them; grammar and phrases are those of all. `on_late`
    gets a final that came after `finish` had returned the latest partial in its place, or had failed; on the event
    loop's thread, once at the most.
    """

    grammar: str | None = None
    phrases: tuple[str, ...] = ()
    language: str | None = None
    on_late: "Callable[[Transcript], None] | None" = field(default=None, compare=False)
    others: tuple[str, ...] = ()

    def known_to(self, engine: AsrCapabilities) -> "AsrRequest":
        """The request with its languages as the engine calls them; none for those that it does not know."""
        known = [known_as(engine.languages, each) for each in self.others] if engine.mixes else []
        language = None if self.language is None else known_as(engine.languages, self.language)
        others = tuple(each for each in dict.fromkeys(known) if each is not None and each != language)
        return replace(self, language=language, others=others)


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word with its time in seconds from the turn's first audio, and its confidence if there is one."""

    text: str
    start_s: float
    end_s: float
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What an engine's confidence means: below `min_confidence` a transcript is no answer, below `confirm_below` the
    answer is asked back. None: the bot's setting. What is no answer, and has `guess_from` at least, is asked back
    nevertheless; None: nothing is."""

    min_confidence: float | None = None
    confirm_below: float | None = None
    guess_from: float | None = None


USUAL = Thresholds()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said ("": nothing recognised) and, if the engine has one, a `confidence` from 0 to 1.

    `words` have times; `alternatives` are other readings, the likeliest first. Either may be empty. `is_final` is false
    for the latest partial of an engine whose final did not come in time. `thresholds` are those that the settings have
    for the engine; engines leave them alone. `repeats`: these words were reported as a partial, and decoded once only,
    so that it says nothing that the two agree.
    """

    text: str
    confidence: float | None = None
    words: tuple[RecognisedWord, ...] = ()
    alternatives: tuple[str, ...] = ()
    is_final: bool = True
    thresholds: Thresholds = USUAL
    repeats: bool = False


@runtime_checkable
class ForcibleAsrStream(Protocol):
    """An AsrStream that wants to know whether the turn may go on after its `finish`."""

    async def force(self) -> Transcript:
        """As `finish`, in a pause: `concluded` follows, or `cancel`."""
        ...

    def concluded(self) -> None:
        """The turn is over with this pause: the result is waited for. Does nothing without a `force` before."""


class AsrStream(Protocol):
    """One turn being recognised. `finish` or `cancel` ends it; neither may be followed by another call."""

    def feed(self, pcm: bytes) -> None:
        """Take the next audio in the engine's encoding and rate, of any length. Never blocks."""

    async def finish(self) -> Transcript:
        """The audio is complete: return the transcript. Raises EngineError, EngineTimeout if the engine hangs."""
        ...

    def cancel(self) -> None:
        """Drop the turn without a result. Idempotent; a pending `finish` may raise EngineError."""


@runtime_checkable
class ObservableAsrStream(Protocol):
    """An AsrStream that shows a failure before `finish`, so that a chain can turn to another engine in time."""

    @property
    def error(self) -> EngineError | None:
        """Why the turn has failed; None if it has not."""
        ...


class AsrEngine(Protocol):
    """A recogniser, shared by all calls of the process."""

    @property
    def capabilities(self) -> AsrCapabilities:
        """Must be known before `start`."""
        ...

    async def start(self) -> None:
        """Get ready for `open`. Raises EngineError if that is impossible."""

    async def close(self) -> None:
        """End all streams and free everything. Idempotent."""

    def open(self, request: AsrRequest, on_partial: OnPartial) -> AsrStream:
        """Begin a turn; returns at once.

        `on_partial` gets the text so far, on the event loop's thread, if the engine has partials. A failure (a rejected
        grammar, no engine left) is raised as EngineError by `finish`, or here.
        """
        ...


class EndpointingAsrEngine(AsrEngine, Protocol):
    """A recogniser whose capabilities say `ends_turns`."""

    def open(self, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> AsrStream:
        """Begin a turn. `on_endpoint` gets what the engine thinks about its end, on the event loop's thread.

        Report each change once. The call's endpointing policy decides; whatever ends the turn, `finish` follows.
        """
        ...


@runtime_checkable
class LineAsrEngine(AsrEngine, Protocol):
    """A recogniser that takes a line's audio as it is: more than one encoding or rate."""

    def for_line(self, encoding: str, rate_hz: int) -> AsrEngine:
        """The same recogniser with the `encoding` and `rate_hz` that suit a line with these; it starts and ends with
        this one. On a line with PCMU or PCMA that is usually the line's own law."""
        ...


def open_stream(
    engine: AsrEngine, request: AsrRequest, on_partial: OnPartial, on_endpoint: OnEndpoint | None
) -> AsrStream:
    """Begin a turn; `on_endpoint` is passed to an engine that ends turns. Raises EngineError."""
    if on_endpoint is None or not engine.capabilities.ends_turns:
        return engine.open(request, on_partial)
    return cast(EndpointingAsrEngine, engine).open(request, on_partial, on_endpoint)

"""A vendor's results for one turn, up to its final or what is taken in its place.

Our endpoint ends the turn: the vendor is told to finish, and its final is awaited for `wait_s`. If it has not come by
then, the latest partial is taken and marked (`Transcript.is_final` false). A vendor that has said nothing at all about
the turn gets `silent_s`, then the turn fails. A final that comes later is reported to `on_late`.

    finals.interim("check my")          # the words of the segment in progress
    finals.segment(Transcript("..."))   # a finished segment: its words will not change
    finals.complete()                   # nothing more is coming for this turn
    finals.fail(error)                  # nor is anything, because of this
    transcript = await finals.wait()
"""

import asyncio
import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from time import monotonic

from offhook.pipeline.asr.engine import OnPartial, RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError, EngineTimeout

MAX_CHARS = 20_000
"""Of a turn: a quarter of an hour of fast speech. What a vendor says beyond it is dropped."""

MAX_ALTERNATIVES = 30
"""The most that any vendor can be asked for."""


@dataclass(frozen=True, slots=True)
class FinalWait:
    """How long a final may take after the turn's end, and for how long one that is later is listened for."""

    wait_s: float = 0.3
    silent_s: float = 1.0
    late_s: float = 2.0


@dataclass(frozen=True, slots=True)
class LateFinal:
    """A final that came `delay_s` after the end of the turn: `transcript`, where `taken` had been taken."""

    taken: str
    transcript: Transcript
    delay_s: float

    @property
    def changes(self) -> bool:
        """Whether it has other words."""
        return self.transcript.text != self.taken


OnLate = Callable[[LateFinal], None]


class Finals:
    """See the module. For one turn; `name` is the engine's."""

    def __init__(self, name: str, wait: FinalWait, on_partial: OnPartial, on_late: OnLate | None = None) -> None:
        self.is_complete = False
        self._name = name
        self._wait = wait
        self._on_partial = on_partial
        self._on_late = on_late
        self._segments: list[Transcript] = []
        self._interim = ""
        self._chars = 0  # of the segments
        self._heard = False
        self._before = Transcript("", is_final=False)  # from a connection that broke
        self._reported = ""
        self._error: EngineError | None = None
        self._asked_at: float | None = None
        self._taken: Transcript | None = None
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        """The words so far."""
        return " ".join([each.text for each in self._segments if each.text] + [self._interim] * bool(self._interim))

    @property
    def error(self) -> EngineError | None:
        """Why the vendor will not finish the turn; None if it may, or has."""
        return None if self.is_complete else self._error

    @property
    def has_segments(self) -> bool:
        """Whether anything is settled."""
        return bool(self._segments)

    def restart(self, *, keeps_segments: bool = False) -> None:
        """The turn is sent again from its start, or from where its segments end. What was recognised before is kept in
        case nothing better comes."""
        if len(self.text) > len(self._before.text):
            self._before = self._transcript(is_final=False)
        if not keeps_segments:
            self._segments.clear()
            self._chars = 0
        self._interim = ""
        self._heard = False

    def interim(self, text: str) -> None:
        """The words of the segment in progress. "" says that the vendor is listening, and takes nothing back: some send
        it between two segments."""
        self._heard = True
        self._interim = text[:MAX_CHARS] or self._interim
        self._report()

    def segment(self, transcript: Transcript) -> None:
        """A segment is settled."""
        self._heard = True
        self._interim = ""
        if transcript.text and self._chars <= MAX_CHARS:
            self._chars += len(transcript.text)
            self._segments.append(_checked(transcript))
        self._report()

    def complete(self) -> None:
        """The vendor has finished with the turn."""
        if self.is_complete:
            return
        self.is_complete = True
        self._changed.set()
        if self._taken is not None and self._on_late is not None and self._asked_at is not None:
            self._on_late(LateFinal(self._taken.text, self._transcript(is_final=True), monotonic() - self._asked_at))

    def fail(self, error: EngineError) -> None:
        """The vendor will not finish it."""
        self._error = self._error or error
        self._changed.set()

    async def wait(self) -> Transcript:
        """The transcript. Raises EngineError, EngineTimeout if nothing was heard of the vendor."""
        self._asked_at = monotonic()
        while not self.is_complete and self._error is None and (left_s := self._left_s(self._asked_at)) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(left_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
        if self.is_complete:
            return self._transcript(is_final=True)
        self._taken = max(self._transcript(is_final=False), self._before, key=lambda each: len(each.text))
        if self._error is not None and not self._taken.text:
            raise copy(self._error)  # the traceback has us, who keep it
        if not self._taken.text and not self._heard:
            why = f"nothing came for {self._wait.silent_s:g} s after the end of the turn"
            raise EngineTimeout(self._name, "waiting for the vendor's final", why)
        return self._taken

    def _left_s(self, asked_at: float) -> float:
        heard = self._heard or self._before.text
        return asked_at + (self._wait.wait_s if heard else self._wait.silent_s) - monotonic()

    def _report(self) -> None:
        self._changed.set()
        text = self.text
        if self._asked_at is None and text != self._reported and len(text) >= len(self._before.text):
            self._reported = text
            self._on_partial(text)

    def _transcript(self, *, is_final: bool) -> Transcript:
        words: list[RecognisedWord] = []
        for each in self._segments:
            words += each.words
        return Transcript(
            self.text if not is_final else " ".join(each.text for each in self._segments),
            _confidence(self._segments),
            tuple(words),
            self._segments[0].alternatives if len(self._segments) == 1 and not self._interim else (),
            is_final,
        )


def _checked(transcript: Transcript) -> Transcript:
    """With confidences between 0 and 1 and times from 0 on, as far as they are numbers; other words are left out."""
    words = tuple(
        replace(word, start_s=max(0.0, word.start_s), end_s=max(0.0, word.end_s), confidence=_share(word.confidence))
        for word in transcript.words
        if math.isfinite(word.start_s) and math.isfinite(word.end_s)
    )
    texts = tuple(each[:MAX_CHARS] for each in transcript.alternatives[:MAX_ALTERNATIVES])
    text = transcript.text[:MAX_CHARS]
    return replace(transcript, text=text, confidence=_share(transcript.confidence), words=words, alternatives=texts)


def _share(value: float | None) -> float | None:
    """A confidence that is not a number is none: 0, which is never taken for certain."""
    return None if value is None else min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _confidence(segments: list[Transcript]) -> float | None:
    """The mean over the words; None if any segment has none."""
    total = count = 0.0
    for each in segments:
        if each.confidence is None:
            return None
        words = len(each.text.split())
        total, count = total + each.confidence * words, count + words
    return total / count if count else None

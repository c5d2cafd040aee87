"""Endpointing by the answer: a turn ends at once after a whole answer, and later where more must come. Pure.

The words are the recogniser's final, which is forced as soon as the caller falls silent; a partial counts for less.
What the words do not tell is left to the silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.pipeline.endpoint.expectation import expectations_of
from offhook.pipeline.endpoint.progress import Progress, progress_of
from offhook.pipeline.endpoint.silence import likely_after_ms
from offhook.pipeline.events import Expectation, Question, TurnSoFar, Verdict

FASTEST = 0.6
"""Of the silence, what a caller of short pauses, or an adviser, may reduce it to."""

PAUSE_MARGIN_MS = 100.0
"""The detector finds speech so much late."""

LONGER = 1.8
"""By which an adviser may lengthen the silence."""

AGREED_CONFIDENCE = 0.3
"""Of a final that says the same as the partial, which was decoded by itself: enough for an early end."""

CERTAIN, CERTAIN_AND_AGREED = 0.98, 0.9
"""Of digits, alone and with a partial of the same digits: a grammar with their count finds that many in fewer, with a
confidence of 0.95 at times."""

_EARLY = (Progress.COMPLETE, Progress.ENOUGH)
_MORE = (Progress.INCOMPLETE, Progress.OPEN)

LIKELY_BEFORE_MS = 600.0
"""What is left of the pause that follows half an answer, when its end is likely: time for a reply to be prepared."""

SURE_OVER, SURE_NOT = 0.95, 0.1
"""Of an adviser: between them it changes nothing."""


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """An EndpointPolicy: silences in milliseconds, by what was said.

    `min_silence_ms` after an answer that cannot continue, if the recogniser's final says so with a confidence of `sure`
    or none, else `doubtful_ms`; `enough_ms` after one that more words would hardly change; `open_ms` after an answer
    that usually comes in parts (digits without a fixed count, letters), `max_silence_ms` after the beginning of one, or
    of a sentence.
    Otherwise it is the question's silence, or `silence_ms` when nothing was asked. One that is `silence_ms` follows the
    caller's own pauses, between 0.6 of it and `max_silence_ms`.

    `likely_ms` as in SilencePolicy. A recogniser that ends turns may end this one before.
    """

    silence_ms: int = 500
    likely_ms: int | None = None
    min_silence_ms: int = 100
    max_silence_ms: int = 1_800
    enough_ms: int = 250
    doubtful_ms: int = 400
    open_ms: int = 1_500
    sure: float = 0.6

    def __post_init__(self) -> None:
        if self.likely_ms is not None and self.likely_ms < 0:
            raise ValueError(f"a silence of {self.likely_ms} ms")
        if not 0 <= self.min_silence_ms <= self.max_silence_ms:
            raise ValueError(f"silences from {self.min_silence_ms} to {self.max_silence_ms} ms")

    def decide(self, turn: TurnSoFar, now: float) -> Verdict:
        """See EndpointPolicy."""
        if turn.recogniser == "over":
            return Verdict("over")
        question = turn.question
        expected = () if question is None else expectations_of(question)
        progress = Progress.OTHER if question is None else self._progress(question, expected, turn)
        wanted_ms = self._wanted_ms(progress, turn)
        if turn.silence_ms >= wanted_ms:
            return Verdict("over")
        # A final in a pause costs the recogniser some work, and is worth it where it may end the turn.
        force = turn.can_force and bool(expected) and expected[0].kind not in ("free", "name")
        if turn.recogniser == "likely":
            return Verdict("likely", wanted_ms, force=True)
        likely_ms: float = likely_after_ms(self.likely_ms, question)
        if likely_ms and progress in _MORE:
            likely_ms = max(likely_ms, wanted_ms - LIKELY_BEFORE_MS)  # until then more is likely
        if not 0 < likely_ms < wanted_ms:
            return Verdict("wait", wanted_ms, force)
        if turn.silence_ms >= likely_ms:
            return Verdict("likely", wanted_ms, force=turn.can_force)
        return Verdict("wait", likely_ms, force)

    def _progress(self, question: Question, expected: Sequence[Expectation], turn: TurnSoFar) -> Progress:
        """What the words say, as far as they can be trusted."""
        partial = progress_of(question, turn.partial)
        counts = any(each.kind in ("digits", "phone") for each in expected)
        if turn.final is None:
            if counts and turn.can_force:
                # A recogniser under load has no words yet, and digits come with pauses.
                return partial if partial is Progress.INCOMPLETE else Progress.OPEN
            if partial in _EARLY:
                return Progress.OTHER if turn.can_force else Progress.ENOUGH  # there is no final to wait for
            return partial
        final = partial if turn.final == turn.partial else progress_of(question, turn.final)
        if final in _EARLY and self._is_sure(turn, counts=counts):
            return final
        if partial in _MORE or final not in _EARLY:
            # Where there is a grammar the final is a sentence of it, although the caller has begun one only.
            return partial if partial in _MORE else final
        # The partial is not made to have so many digits, as the final is by its grammar.
        agreed = partial is final is Progress.COMPLETE and not turn.repeats and self._is_sure(turn, counts=False)
        return Progress.OPEN if counts and not agreed else Progress.DOUBTFUL

    def _is_sure(self, turn: TurnSoFar, *, counts: bool) -> bool:
        if turn.confidence is None:
            return True
        agreed = turn.final == turn.partial and not turn.repeats
        if counts:
            return turn.confidence >= (CERTAIN_AND_AGREED if agreed else CERTAIN)
        return turn.confidence >= (AGREED_CONFIDENCE if agreed else self.sure)

    def _wanted_ms(self, progress: Progress, turn: TurnSoFar) -> float:
        normal_ms = self._normal_ms(turn)
        match progress:
            case Progress.COMPLETE:
                return min(normal_ms, self.min_silence_ms)
            case Progress.ENOUGH:
                return min(normal_ms, self.enough_ms)
            case Progress.DOUBTFUL:
                return min(normal_ms, self.doubtful_ms)
            case Progress.OPEN:
                return max(normal_ms, min(self.open_ms, self.max_silence_ms))
            case Progress.INCOMPLETE:
                return max(normal_ms, self.max_silence_ms)
        return self._advised_ms(normal_ms, turn.adviser)

    def _normal_ms(self, turn: TurnSoFar) -> float:
        asked = self.silence_ms if turn.question is None else max(0, turn.question.silence_ms)
        if turn.usual_pause_ms is None or asked != self.silence_ms:
            return asked
        longest = max(asked, self.max_silence_ms)
        return min(max(turn.usual_pause_ms + PAUSE_MARGIN_MS, FASTEST * asked), longest)

    def _advised_ms(self, normal_ms: float, adviser: float | None) -> float:
        if adviser is None:
            return normal_ms
        if adviser > SURE_OVER:
            return FASTEST * normal_ms
        if adviser < SURE_NOT:
            return max(normal_ms, min(LONGER * normal_ms, self.max_silence_ms))
        return normal_ms

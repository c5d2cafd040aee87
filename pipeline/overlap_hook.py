"""The dialog's own judgement of what a caller says over the bot."""

from collections.abc import Callable
from time import perf_counter

from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore
from offhook.pipeline.events import Playback
from offhook.pipeline.trace import EngineFailed, OverlapJudged, SessionEvent
from offhook.pipeline.turn.back_channels import asks
from offhook.pipeline.turn.overlap import OverlapVerdict

OnOverlap = Callable[[str, str, str], OverlapVerdict | None]
"""(what was said, what was not, the caller's words so far) to whether they interrupt; None: as the policy says."""

MAX_SECONDS = 0.05
"""It runs on the event loop, where it holds up all calls: one that takes longer is not asked again in the call."""

_NAME = "on_overlap"


class OverlapHook:
    """`Overlap` for the utterance of a session; `sent()` is what has been sent of it so far."""

    def __init__(self, sent: Callable[[], Playback], clock: Clock, report: Callable[[SessionEvent], None]) -> None:
        self.on_overlap: OnOverlap | None = None
        self._sent = sent
        self._clock = clock
        self._report = report

    @property
    def is_asked(self) -> bool:
        """See Overlap."""
        return self.on_overlap is not None

    def judge(self, caller_words: str) -> OverlapVerdict | None:
        """See Overlap. A hook that raises or is slow is not asked again."""
        if self.on_overlap is None:
            return None
        playback, began = self._sent(), perf_counter()
        verdict, failure = None, ""
        try:
            verdict = self.on_overlap(playback.text_played, playback.text_unplayed, caller_words)
        except Exception as error:  # noqa: BLE001
            # User code may raise anything; the policy decides then.
            failure = repr(error)
        if verdict not in ("interrupt", "continue", None):
            failure, verdict = f'it returned {verdict!r}, not "interrupt", "continue" or None', None
        if (took_s := perf_counter() - began) > MAX_SECONDS:
            failure = failure or f"it took {took_s:.2f} s, more than {MAX_SECONDS:g} s"
        now = self._clock.now()
        if failure:
            self.on_overlap = None
            self._report(EngineFailed(_NAME, f"{failure}: it is not asked again in this call", now))
        if verdict is not None:
            self._report(OverlapJudged(caller_words, verdict, now))
        return verdict

    def asks(self) -> bool:
        """See Overlap."""
        playback = self._sent()
        return asks(playback.text_played, playback.text_unplayed)

    def close(self) -> None:
        """The call is over."""
        self.on_overlap = None
        self._report = ignore

"""The silences of a recorded call that the bot owed to end, and when another `turn.filler_ms` would have filled them.

What follows a filler is as it was: when the reply came does not depend on it.
"""

from dataclasses import dataclass

from offhook.flight.replay import Step
from offhook.flight.replay_core import ReplayCore
from offhook.pipeline.turn.silence import SilenceWatch, Stage
from offhook.pipeline.turn.silence_tables import Debt, DebtAction

NEVER_S = 1e9


@dataclass(slots=True)
class BotSilence:
    """A silence that was the bot's, in monotonic seconds; `filled_at`: its first filler began. `stage` is what the
    caller waited for then, or without one at the beginning."""

    began_at: float
    stage: Stage
    ended_at: float | None = None
    filled_at: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long the caller waited; None: until the log's end."""
        return None if self.ended_at is None else self.ended_at - self.began_at

    @property
    def filled_after_s(self) -> float | None:
        """When the first filler began; None: there was none."""
        return None if self.filled_at is None else self.filled_at - self.began_at


class Silences:
    """Follows a replay with a watch of its own, whose fillers are due after `filler_ms` (0: never)."""

    def __init__(self, filler_ms: float, fallback_ms: float) -> None:
        self.found: list[BotSilence] = []
        self._watch = SilenceWatch(filler_ms / 1000 or NEVER_S, fallback_ms / 1000)
        self._caller_sounds = False

    def step(self, core: ReplayCore, step: Step, now: float) -> None:
        """The core has taken an input."""
        self._until(now)
        watch = self._watch
        if step.name == "fell_quiet":
            watch.fell_quiet(now)
        # As the session does after every input, if there are fillers.
        owed = core.owed_sound(now)
        if owed is None:
            self._pay(now)
        else:
            is_new = watch.debt is Debt.NONE
            watch.owe(*owed, now)
            if is_new:
                self.found.append(BotSilence(watch.quiet_since, watch.stage))
        self._caller_sounds = core.caller_sounds

    def _until(self, now: float) -> None:
        watch = self._watch
        while watch.due is not None and watch.due <= now:
            due = watch.due
            if self._caller_sounds:
                watch.postpone(due)
            elif watch.handle_timer(due) is DebtAction.FILL and self.found[-1].filled_at is None:
                self.found[-1].filled_at, self.found[-1].stage = due, watch.stage

    def _pay(self, now: float) -> None:
        if self._watch.debt is not Debt.NONE:
            self.found[-1].ended_at = now
        self._watch.pay(now)

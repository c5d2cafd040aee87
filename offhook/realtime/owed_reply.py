"""What a model that decides alone when to talk owes the caller, across its sessions. Pure.

Such a model is told nothing about turns, so a session that is lost takes along what only it had heard. Then the next
one is told to ask the caller for it, unless it has heard enough to answer by itself.
"""

SAY_AGAIN = "The line has just failed: ask the caller to say their last words again."

PATIENCE_S = 1.0
"""A session that has heard the end of the caller's words has so long after them to answer by itself."""


WAITS_S = 8.0
"""A model that has been asked to speak, and is silent for so long, does not want to."""


class OwedReply:
    """What has to be said to the model, and when. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._ask: str | None = None
        self._asked = False
        self._asked_at = 0.0
        self._caller_at = self._model_at = self._opened_at = float("-inf")

    def owed(self, now: float) -> bool:
        """Whether the model was asked to speak, or will be, and has not yet. One that does not is not waited for."""
        return self._ask is not None and (not self._asked or now < self._asked_at + WAITS_S)

    def want(self, instructions: str) -> None:
        """The model should speak: it is given `instructions` as soon as it can be, again in each session until then."""
        self._ask, self._asked = instructions, False

    def caller_spoke(self, began_at: float, now: float) -> None:
        """The caller speaks, since `began_at`, or has written something just now."""
        self._caller_at = max(self._caller_at, now)
        if began_at < self._opened_at and self._ask is None:
            self._ask, self._asked = SAY_AGAIN, False  # the session has heard the rest at most

    def model_spoke(self, now: float) -> None:
        """The model speaks, or need not have."""
        self._model_at = now
        self._ask = None

    def opened(self, now: float, *, awaited: bool) -> None:
        """A session hears the caller from now on. What they said before is unheard, unless it was answered; `awaited`:
        the session before has not replied to something else."""
        self._opened_at, self._asked = now, False
        if self._ask is None and self._caller_at > self._model_at:
            self._ask = SAY_AGAIN
        elif self._ask is None and awaited:
            self._ask = ""

    def due(self, now: float, *, caller_talks: bool) -> str | None:
        """The instructions to ask for a reply with now, once; None: nothing is due. To be called while a session hears
        the caller."""
        if caller_talks:
            self._caller_at = now
        waits = self._caller_at > self._opened_at and now < self._caller_at + PATIENCE_S
        if self._ask is None or self._asked or caller_talks or waits:
            return None
        self._asked, self._asked_at = True, now
        return self._ask

    def may_come(self, now: float, within_s: float) -> bool:
        """Whether the caller spoke last, within `within_s`: the model need not answer, and may still."""
        return self._model_at < self._caller_at and now - self._caller_at < within_s

"""What a speech-to-speech model was asked and replied, for the record."""

from collections.abc import Callable
from time import monotonic

from offhook.llm.model import Usage
from offhook.pipeline.trace import ModelAsked, ModelReplied, SessionEvent

NO_USAGE = Usage()

MAX_TEXT_CHARS = 50_000
"""Of one reply, for the record."""


class ModelLog:
    """Reports the exchanges of one call, one after the other. `name` is the model's."""

    def __init__(self, name: str, report: Callable[[SessionEvent], None]) -> None:
        self._name = name
        self._report = report
        self._asked_at: float | None = None
        self._first_s: float | None = None
        self._text: list[str] = []
        self._chars = 0

    def asked(self, said: str) -> None:
        """A reply is awaited; `said` is what was written to it, "" for speech."""
        if self._asked_at is not None:
            self.over(error="another reply was asked for")
        self._asked_at = monotonic()
        self._report(ModelAsked(self._name, said, self._asked_at))

    def began(self) -> None:
        """Audio, or the call of a tool, has come."""
        now = monotonic()
        if self._asked_at is None:
            self._asked_at = now  # it speaks by itself
        if self._first_s is None:
            self._first_s = now - self._asked_at

    def text(self, delta: str) -> None:
        """More of what it says."""
        if self._chars < MAX_TEXT_CHARS:
            self._chars += len(delta)
            self._text.append(delta[:MAX_TEXT_CHARS])

    def failed(self, error: str) -> None:
        """A session could not be had: on the record even if nothing was asked."""
        if self._asked_at is None:
            self._asked_at = monotonic()
        self.over(error=error)

    def over(self, usage: Usage = NO_USAGE, error: str = "") -> None:
        """Nothing more comes. Does nothing if nothing was asked."""
        asked_at, self._asked_at = self._asked_at, None
        text, self._text, self._chars = "".join(self._text), [], 0
        first_s, self._first_s = self._first_s, None
        if asked_at is None:
            return
        now = monotonic()
        tokens = usage.input, usage.cached_input, usage.output
        self._report(ModelReplied(self._name, text, first_s, now - asked_at, now, *tokens, error=error))

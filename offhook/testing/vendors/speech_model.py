"""What the speech-to-speech models of `offhook.testing.vendors` answer: replies in order, or what a function makes of
the conversation. Their speech is `tone_speech`, which a program can read."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, characters


@dataclass(frozen=True, slots=True)
class CallsTool:
    """The model calls a tool, instead of speaking or after it; `arguments` is JSON, which need not be valid."""

    name: str
    arguments: str = "{}"


Reply = str | CallsTool
Replies = Iterable[Reply | tuple[Reply, ...]] | Callable[[Sequence["Entry"]], Reply | tuple[Reply, ...]]
"""Each reply is a text, a tool call, or both in a tuple."""


@dataclass(slots=True)
class Entry:
    """One item of a conversation as the model has it. `audio_ms` is how much of its audio it has: None, all."""

    id: str
    role: str
    text: str = ""
    call_id: str = ""
    total_ms: int = 0
    audio_ms: int | None = None

    @property
    def heard(self) -> str:
        """Of a reply that was truncated, the characters whose audio is left; otherwise all of the text."""
        if self.audio_ms is None:
            return self.text
        return "".join(each.text for each in characters(self.text) if each.end_ms <= self.audio_ms)


@dataclass(slots=True)
class SpeechModel:
    """The replies of a server, shared by its sessions. Without any left it says `otherwise`."""

    replies: Replies = ()
    otherwise: str = "I see."
    _queue: deque[Reply | tuple[Reply, ...]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if not callable(self.replies):
            self._queue = deque(self.replies)

    def reply(self, conversation: Sequence[Entry]) -> tuple[Reply, ...]:
        """The parts of the next reply."""
        if callable(self.replies):
            reply = self.replies(conversation)
        else:
            reply = self._queue.popleft() if self._queue else self.otherwise
        return reply if isinstance(reply, tuple) else (reply,)


def spoken_ms(text: str) -> int:
    """How long it takes to say."""
    return len(text) * MS_PER_CHARACTER

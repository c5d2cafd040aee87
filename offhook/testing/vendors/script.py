"""What the recognisers of `offhook.testing.vendors` understand: texts in order, or what a function makes of the audio.

Pure. Partials grow by a word for each 200 ms of loud audio, whatever was really said; the final has the whole text.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from offhook.telephony.pcm import audioop

Transcribe = Callable[[bytes], str]
"""From a turn's audio (16-bit mono PCM at the stream's rate) to its text."""

MS_PER_WORD = 200
_LOUD_RMS = 300


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with its time in seconds from the start of the session's audio."""

    text: str
    start_s: float
    end_s: float


class Script:
    """The texts of a server, shared by its sessions: each turn with speech takes the next; then there is only ""."""

    def __init__(self, texts: Iterable[str] | Transcribe) -> None:
        self.transcribe = texts if callable(texts) else None
        self._texts: deque[str] = deque() if callable(texts) else deque(texts)

    def next(self) -> str:
        """The text of the next turn."""
        return self._texts.popleft() if self._texts else ""


class Turn:
    """One turn of a session: audio from `start_s` of the session on, 16-bit mono PCM at `rate_hz`.

    `loud_from_s` is where its speech begins.
    """

    def __init__(self, script: Script, rate_hz: int, start_s: float = 0.0) -> None:
        self._script = script
        self._rate_hz = rate_hz
        self._start_s = start_s
        self._pcm = bytearray()
        self._text: str | None = None
        self._loud_ms = 0.0
        self.loud_from_s, self._loud_to_s = start_s, start_s
        self._shown = 0

    @property
    def seconds(self) -> float:
        """How much audio it has."""
        return len(self._pcm) / 2 / self._rate_hz

    @property
    def end_s(self) -> float:
        """Where it ends, from the start of the session's audio."""
        return self._start_s + self.seconds

    @property
    def heard_speech(self) -> bool:
        """Whether any of it was loud."""
        return self._loud_ms > 0

    @property
    def silence_s(self) -> float:
        """How long it has been quiet since speech; 0 if there was none."""
        return self.end_s - self._loud_to_s if self.heard_speech else 0.0

    def following(self) -> "Turn":
        """The next turn of the session."""
        return Turn(self._script, self._rate_hz, self.end_s)

    def push(self, pcm: bytes) -> str | None:
        """Take audio; returns a new partial if there is one."""
        before = self.end_s
        self._pcm += pcm
        if not pcm or audioop.rms(pcm, 2) < _LOUD_RMS:
            return None
        if not self._loud_ms:
            self.loud_from_s = before
        self._loud_to_s = self.end_s
        self._loud_ms += 1000 * (self.end_s - before)
        if self._script.transcribe is not None:
            return None
        words = self._words()
        shown = min(len(words), int(self._loud_ms / MS_PER_WORD))
        if shown <= self._shown:
            return None
        self._shown = shown
        return " ".join(words[:shown])

    def shown_words(self) -> list[TimedWord]:
        """The words of the last partial, with their times."""
        return self._timed(self._words()[: self._shown])

    def finish(self) -> list[TimedWord]:
        """The turn is over: its words, evenly over the loud part of its audio."""
        return self._timed(self._words() if self.heard_speech else [])

    def _timed(self, words: list[str]) -> list[TimedWord]:
        length_s = (self._loud_to_s - self.loud_from_s) / max(1, len(words))
        return [
            TimedWord(word, self.loud_from_s + at * length_s, self.loud_from_s + (at + 1) * length_s)
            for at, word in enumerate(words)
        ]

    def _words(self) -> list[str]:
        if self._script.transcribe is not None:
            return self._script.transcribe(bytes(self._pcm)).split()
        if self._text is None:
            self._text = self._script.next()
        return self._text.split()

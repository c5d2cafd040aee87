"""Speech ready to send: payload in a line's encoding, and its word positions. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from offhook.pipeline.tts.engine import Word

ENTRY_BYTES = 600
WORD_BYTES = 200
"""The approximate size of an entry, and of each of its words, in addition to the payload."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Speech as `payload` in a line's encoding, `ticks` of 1/8000 s long; words count ticks from its start. `keep`:
    whether it may be cached; `engine`: who speaks, several in the order of their parts."""

    payload: bytes
    ticks: int
    words: tuple[Word, ...] = ()
    keep: bool = True
    engine: str = ""

    @property
    def size_bytes(self) -> int:
        """Its approximate size in memory."""
        return ENTRY_BYTES + len(self.payload) + WORD_BYTES * len(self.words)

    def moved(self, ticks: int) -> tuple[Word, ...]:
        """The words, shifted by `ticks`."""
        return tuple(
            replace(word, start_sample=word.start_sample + ticks, end_sample=word.end_sample + ticks)
            for word in self.words
        )

    def after(self, ticks: int) -> "Clip":
        """The rest after the first `ticks`, without the words that end in them."""
        if ticks <= 0:
            return self
        if ticks >= self.ticks:
            return Clip(b"", 0)
        rest = replace(self, words=tuple(word for word in self.words if word.end_sample > ticks))
        return Clip(self.payload[len(self.payload) * ticks // self.ticks :], self.ticks - ticks, rest.moved(-ticks))


def whole_words(words: Iterable[Word]) -> list[Word]:
    """The words with those joined that stand for the same piece of the text: "twelve", "dollars" for "$12."."""
    found: list[Word] = []
    for word in words:
        last = found[-1] if found else None
        if last is not None and word.char_start < last.char_end:
            longer = max(last, word, key=lambda each: each.char_end)
            found[-1] = replace(last, text=longer.text, char_end=longer.char_end, end_sample=word.end_sample)
        else:
            found.append(word)
    return found


def joined(pieces: Sequence[Clip]) -> Clip:
    """The pieces joined into one."""
    if len(pieces) == 1:
        return pieces[0]
    ticks, words = 0, list[Word]()
    for piece in pieces:
        words += piece.moved(ticks)
        ticks += piece.ticks
    keep = all(piece.keep for piece in pieces)
    engine = ", ".join(dict.fromkeys(piece.engine for piece in pieces if piece.engine))
    return Clip(b"".join(piece.payload for piece in pieces), ticks, tuple(words), keep, engine)

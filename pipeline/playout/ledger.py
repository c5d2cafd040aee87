"""The playout ledger: which words of the bot have reached the caller.

There are two axes. The *utterance* axis counts the ticks (1/8000 s) of one prompt from its start; words lie on it.
The *line* axis counts all ticks ever given to the line, in playout order; what the line reports as sent and played is
a position on it. A prompt that is paused and resumed occupies several stretches of the line axis, and a dropped stretch
ends where the line stopped sending. The ledger keeps the stretches and translates between the axes.

Pure: it is notified of what is queued and cut, and uses no clock.
"""

from dataclasses import dataclass, field

from offhook.pipeline.events import Playback, ResumeAt, SpokenWord
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.clip import whole_words
from offhook.pipeline.tts.engine import Word


@dataclass(slots=True)
class _Stretch:
    """`ticks` of the utterance from `utterance_tick` on, played from `line_tick` on."""

    utterance_tick: int
    line_tick: int
    ticks: int


@dataclass(slots=True)
class Utterance:
    """One prompt: its text, its audio so far (`bytes_per_tick` bytes a tick) and the positions of its words in both.

    Text may be added, and `append` adds audio during synthesis; `complete` means that neither will grow any more. If
    the voice failed part-way, `failed_at` is the character from which the text will never be spoken, and `failure` says
    why. `is_given`: the audio is made elsewhere and the text is its transcript, which may lag behind: it is cut where
    the audio is. Audio and words are kept as they came, not copied: they are mostly those of a cached clip, which the
    calls that say it and their lines share.
    """

    text: str
    pieces: list[bytes] = field(default_factory=list)
    ticks: int = 0
    """Its length so far."""
    words: list[Word] = field(default_factory=list)
    complete: bool = False
    failed_at: int | None = None
    failure: str | None = None
    bytes_per_tick: int = 1
    is_given: bool = False
    sentences: list[int] = field(default_factory=list)
    """The tick at which each sentence begins."""

    def append(self, payload: bytes, words: tuple[Word, ...], char_offset: int = 0) -> None:
        """Add audio; word ticks count from the start of this piece, characters from `char_offset`."""
        base = self.ticks
        if base or char_offset:
            words = tuple(word.moved(char_offset, base) for word in words)
        self.words += words
        self.pieces.append(payload)
        self.ticks += len(payload) // self.bytes_per_tick

    def payload_from(self, tick: int) -> bytes:
        """The audio from `tick` on."""
        wanted = (self.ticks - tick) * self.bytes_per_tick
        parts: list[bytes] = []
        for piece in reversed(self.pieces):
            if wanted <= 0:
                break
            parts.append(piece[-wanted:])
            wanted -= len(piece)
        parts.reverse()
        return parts[0] if len(parts) == 1 else b"".join(parts)


class PlayoutLedger:
    """Tracks the audio of one utterance: queued, sent, played."""

    def __init__(self, utterance: Utterance) -> None:
        self.utterance = utterance
        self._stretches: list[_Stretch] = []

    @property
    def begun(self) -> bool:
        """Whether any of it has been given to the line."""
        return bool(self._stretches)

    @property
    def queued_to(self) -> int:
        """The utterance tick up to which audio has been given to the line (and not cut since)."""
        if not self._stretches:
            return 0
        last = self._stretches[-1]
        return last.utterance_tick + last.ticks

    def queue(self, utterance_tick: int, ticks: int, line_tick: int) -> None:
        """`ticks` from `utterance_tick` on were given to the line at position `line_tick`."""
        last = self._stretches[-1] if self._stretches else None
        if (
            last is not None
            and last.line_tick + last.ticks == line_tick
            and last.utterance_tick + last.ticks == utterance_tick
        ):
            last.ticks += ticks
            return
        self._stretches.append(_Stretch(utterance_tick, line_tick, ticks))

    def cut(self, line_tick: int) -> None:
        """The line dropped everything from `line_tick` on."""
        for stretch in self._stretches:
            stretch.ticks = max(0, min(stretch.ticks, line_tick - stretch.line_tick))
        self._stretches = [stretch for stretch in self._stretches if stretch.ticks] or self._stretches[:1]

    def position(self, line_tick: int) -> int:
        """The utterance tick that is playing when the line is at `line_tick`."""
        position = 0
        for stretch in self._stretches:
            done = min(stretch.ticks, line_tick - stretch.line_tick)
            if done > 0:
                position = max(position, stretch.utterance_tick + done)
        return position

    def playback(self, line_tick: int) -> Playback:
        """The words played and not played, `line_tick` being the line's `played_ticks`.

        A word counts as played when its last tick was; without word positions an even pace is assumed. What the voice
        could not say counts as failed, not as interrupted.
        """
        utterance = self.utterance
        position = self.position(line_tick)
        cut_at = self._char_after(position)
        unplayed = utterance.text[cut_at:].lstrip(" \n\t.,;:!?)")
        played = utterance.text[: len(utterance.text) - len(unplayed)].rstrip()
        cut_short = bool(unplayed) and (utterance.failure is None or position < utterance.ticks)
        if utterance.is_given:
            cut_short = position < utterance.ticks or not utterance.complete
        return Playback(played, unplayed, cut_short, utterance.failure, played_s=position / TICK_HZ)

    def played_words(self, playback: Playback) -> tuple[SpokenWord, ...]:
        """The words of `playback` that were played, with their times."""
        return tuple(
            SpokenWord(word.text, word.start_sample / TICK_HZ, word.end_sample / TICK_HZ, word.is_estimated)
            for word in whole_words(self.utterance.words)
            if word.char_end <= len(playback.text_played)
        )

    def resume_point(self, line_tick: int, at: ResumeAt = "word") -> int:
        """The utterance tick to resume from after a pause: the start of the interrupted word or sentence."""
        position = self.position(line_tick)
        if at == "sentence" and position < self.utterance.ticks:
            return max((start for start in self.utterance.sentences if start <= position), default=0)
        for word in self.utterance.words:
            if word.end_sample > position:
                return min(word.start_sample, position)
        return position

    def _char_after(self, position: int) -> int:
        """The character after the last word that was played in full."""
        if position == 0:
            return 0
        utterance = self.utterance
        end = len(utterance.text) if utterance.failed_at is None else utterance.failed_at
        if not utterance.words:
            if not utterance.complete:
                return 0
            if position >= utterance.ticks:
                return end
            return utterance.text.rfind(" ", 0, end * position // utterance.ticks + 1) + 1
        played_to = 0
        for word in utterance.words:
            if word.end_sample > position:
                break
            played_to = word.char_end
        else:
            # After the last word there is only punctuation, if everything has been synthesised.
            return end if utterance.complete else played_to
        return played_to

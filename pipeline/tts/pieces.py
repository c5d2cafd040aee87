"""Converts a voice's chunks to a line's payload: resampled, encoded, with the words that end in each piece. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from offhook.pipeline.rates import TICK_HZ, Resampler
from offhook.pipeline.tts.clip import Clip
from offhook.pipeline.tts.engine import SpeechChunk, Word
from offhook.pipeline.tts.normalize import Normalized
from offhook.pipeline.tts.pace import Pace, spread

FRAMES_HZ = 50
"""Pieces are whole frames of 20 ms, so that a line need not stop in the middle of a packet."""


class PieceMaker:
    """One utterance on its way from the engine to one line.

    `text` was requested, and word positions refer to it; `spoken` is what the engine was given, and speaks at
    `source_hz`. `encode` takes PCM at `line_hz`; without a `resampler` the two rates are the same. With a `pace`, the
    engine does not report word positions. A word belongs to the piece in which it ends: it may begin before that, at a
    negative position.
    """

    def __init__(
        self,
        text: str,
        spoken: Normalized,
        source_hz: int,
        line_hz: int,
        encode: Callable[[bytes], bytes],
        resampler: Resampler | None,
        pace: Pace | None,
    ) -> None:
        self._text = text
        self._spoken = spoken
        self._source_hz = source_hz
        self._encode = encode
        self._resampler = resampler
        self._pace = pace
        self._frame_bytes = 2 * line_hz // FRAMES_HZ
        self._tick_bytes = 2 * line_hz // TICK_HZ
        self._odd = b""  # half a sample
        self._pcm = bytearray()  # less than a frame, between two pushes
        self._ticks = 0  # returned so far
        self._words = deque(() if pace is None else spread(text, round(len(text) * pace.ticks_per_char)))
        self._placed_ticks = self._placed_chars = 0  # up to which words have been returned

    def push(self, chunk: SpeechChunk) -> Clip | None:
        """The chunk as payload, as far as it fills whole frames together with what was left before; None if it does
        not."""
        data = self._odd + chunk.pcm
        self._odd = data[len(data) // 2 * 2 :]
        data = data[: len(data) // 2 * 2]
        self._pcm += data if self._resampler is None else self._resampler.push(data)
        if self._pace is None:
            self._words += (word for word in map(self._placed, chunk.words) if word is not None)
        size = len(self._pcm) // self._frame_bytes * self._frame_bytes
        return self._piece(size) if size else None

    def finish(self) -> Clip | None:
        """The rest, in whole ticks; None if there is none. No word ends after it."""
        if self._resampler is not None:
            self._pcm += self._resampler.flush()
        self._pcm += bytes(-len(self._pcm) % self._tick_bytes)
        total = self._ticks + len(self._pcm) // self._tick_bytes
        if not total:
            return None
        if self._pace is not None:
            self._pace.learn(len(self._text), total)
        if self._pace is not None or not (self._words or self._placed_chars):
            # Words that no estimate has placed yet share the rest.
            rest = Clip(b"", 0, spread(self._text[self._placed_chars :], total - self._placed_ticks))
            self._words = deque(
                replace(
                    word, char_start=word.char_start + self._placed_chars, char_end=word.char_end + self._placed_chars
                )
                for word in rest.moved(self._placed_ticks)
            )
        return self._piece(len(self._pcm), last=True) if self._pcm or self._words else None

    def _placed(self, word: Word) -> Word | None:
        """The engine's word in ticks and in the requested text; None if it is outside what was spoken."""
        if not 0 <= word.char_start < word.char_end <= len(self._spoken.text):
            return None
        start, end = self._spoken.source_span(word.char_start, word.char_end)
        first, last = (at * TICK_HZ // self._source_hz for at in (word.start_sample, word.end_sample))
        return Word(self._text[start:end], start, end, first, last, word.is_estimated)

    def _piece(self, size: int, *, last: bool = False) -> Clip:
        pcm = bytes(self._pcm[:size])
        del self._pcm[:size]
        start = self._ticks
        self._ticks = end = start + size // self._tick_bytes
        words = []
        while self._words and (last or self._has_ended(self._words[0])):
            word = self._words.popleft()
            # An engine's last word may end slightly after its audio: it would never count as played.
            stop = min(word.end_sample, end)
            self._placed_chars, self._placed_ticks = word.char_end, stop
            words.append(replace(word, start_sample=min(word.start_sample, end) - start, end_sample=stop - start))
        return Clip(self._encode(pcm), end - start, tuple(words))

    def _has_ended(self, word: Word) -> bool:
        # Only the end of the audio shows where the last estimated word ends.
        return word.end_sample <= self._ticks and (self._pace is None or len(self._words) > 1)

"""Sounds that end a silence for which the bot is to blame: a filler, an apology, or tones when there is no voice."""

import asyncio
import math
from array import array
from collections.abc import Callable, Mapping
from contextlib import aclosing

from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore, run_nothing
from offhook.pipeline.errors import EngineError
from offhook.pipeline.patience import PatienceWords, own_filler_in, patience_in
from offhook.pipeline.ports import Line
from offhook.pipeline.recognition import Run
from offhook.pipeline.trace import SessionEvent, SilenceFilled
from offhook.pipeline.tts.clip import joined
from offhook.pipeline.tts.voice import Voice

PREPARED_AFTER_S = 0.5
"""The first words of a call go before its fillers, which take the voice's time as well."""

SPOKEN_EVERY = 4
"""After the first filler only every fourth is spoken: words that repeat themselves are worse than tones."""

TONE_HZ, TONE_S, TONE_PEAK = 440, 0.2, 3_000


class Stopgap:
    """Plays what is prepared at the start of the call: the voice may be what stands still.

    Not an utterance: it is in the record, but neither in the history nor in any playback. `before_sound()` is called
    before anything is played.
    """

    def __init__(
        self,
        line: Line,
        voice: Voice,
        clock: Clock,
        run: Run,
        report: Callable[[SessionEvent], None],
        before_sound: Callable[[], None],
        own: Mapping[str, str],
    ) -> None:
        self.muted = False
        """Set where no filler may be said; an apology may."""
        self._line = line
        self._voice = voice
        self._clock = clock
        self._run = run
        self._report = report
        self._before_sound = before_sound
        self._own = own
        self._language: str | None = voice.language
        self._clips: dict[str, bytes] = {}
        self._preparing: asyncio.Task[None] | None = None
        self._fills = 0  # since the last utterance
        self._ends_at_tick = 0  # of the line: where the latest sound ends

    @property
    def words(self) -> PatienceWords:
        """What is said, in the language of the call."""
        return patience_in(self._language, self._own)

    def instead_of(self, filler: str) -> str | None:
        """What a dialog says that fills a silence of its own: the settings' words, if there are any; None while nothing
        may be said."""
        return None if self.muted else own_filler_in(self._language, self._own) or filler

    def prepare(self, language: str | None = None) -> None:
        """Synthesise what may have to be said, in the language of what is said now."""
        if language is not None and language != self._language:
            self._language = language
        elif self._preparing is not None:
            return
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = self._run(self._prepare(self._language))

    def fill(self, stage: str, *, apology: bool) -> None:
        """Play something, unless something is about to be played."""
        line = self._line
        if line.queued_ticks or (self.muted and not apology):
            return
        text = self.words.apology if apology else self.words.filler
        clip = self._clips.get(text) if apology or self._fills % SPOKEN_EVERY == 0 else None
        self._fills += 1
        self._before_sound()
        payload = clip if clip is not None else line.encode(_tones(line.rate_hz))
        self._ends_at_tick = line.sent_ticks + len(payload) // line.bytes_per_tick
        line.play(payload)
        self._report(SilenceFilled(stage, text if clip is not None else "", self._clock.now()))

    def rest(self) -> None:
        """An utterance is heard: what fills the next silence begins anew."""
        self._fills = 0

    def filled(self) -> None:
        """The dialog has said a filler of its own: the next one is in tones, unless an utterance is heard before."""
        self._fills = max(self._fills, 1)

    def stop(self) -> None:
        """The caller speaks: be silent. Does nothing if an utterance follows, which is paused by itself."""
        line = self._line
        if line.queued_ticks and line.sent_ticks + line.queued_ticks <= self._ends_at_tick:
            line.clear()

    def close(self) -> None:
        """The call is over."""
        # The callbacks' owner refers to this object.
        self._report = self._before_sound = ignore
        self._run = run_nothing
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None  # its CancelledError refers to this object

    async def _prepare(self, language: str | None) -> None:
        await asyncio.sleep(PREPARED_AFTER_S)
        words, line = patience_in(language, self._own), self._line
        for text in (words.filler, words.apology):
            if text in self._clips:
                continue
            stream = self._voice.stream(text, line.encoding, line.encode, line.rate_hz, language)
            try:
                async with aclosing(stream) as pieces:
                    self._clips[text] = joined([piece async for piece in pieces]).payload
            except EngineError:
                return  # reported for what the dialog says; there are tones


def _tones(rate_hz: int) -> bytes:
    """Two soft tones: somebody is there."""
    tone = [round(TONE_PEAK * math.sin(2 * math.pi * TONE_HZ * at / rate_hz)) for at in range(int(TONE_S * rate_hz))]
    return array("h", tone + [0] * (len(tone) // 2) + tone).tobytes()

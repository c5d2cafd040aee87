"""Who answered, from a call's audio.

Theory of operation. Frames of 20 ms are tones, speech or silence. Tones decide at once, by `ToneTracker`, from early
media on. Speech counts from the answer. People say a word or two and wait; a recording goes on. So a short utterance
that is followed by a pause is a human's, the shorter it was the sooner; who still talks after `decided_ms` is a
machine. Words decide sooner, where a recogniser hears them, and name the kind of machine. A verdict may be revised: by
words, by a beep, by a human who never pauses.
"""

from dataclasses import dataclass

import numpy as np

from offhook.pipeline.answering.tones import FRAME, FRAME_MS, WINDOW, Tone, ToneTracker
from offhook.pipeline.answering.verdict import AnsweredBy, AnsweringEvent, Beep, Ringing, Verdict
from offhook.pipeline.answering.words import kind_by_words

TICKS_PER_MS = 8


@dataclass(frozen=True, slots=True)
class AnsweringSettings:
    """When speech is whose. `pauses`: (an utterance of at most so many ms, the pause after which it is a human's)."""

    pauses: tuple[tuple[int, int], ...] = ((480, 420), (900, 560), (1_400, 660), (1_800, 620))
    decided_ms: int = 2_440
    """From the first sound on, with nothing decided until then: a machine, if it does not pause just now."""
    last_pause_ms: int = 340
    """What counts as a pause then."""
    silence_ms: int = 4_000
    """After the answer, with nothing heard at all."""
    recorded_ms: int = 6_000
    """A human who talks for so long without a pause is a recording after all."""
    greeting_over_ms: int = 2_500
    """A machine's silence after which a beep isn't waited for any more."""
    beep_ms: tuple[int, int] = (100, 2_000)
    watched_ms: int = 15_000
    """After the answer; later a human stays one."""


LEAST_DB = 9.0
QUIETEST_DBFS, LOUDEST_FLOOR_DBFS = -46.0, -32.0
"""Speech is louder than the noise by so much; the threshold stays between these."""

MIN_SPEECH_MS = 100
_LEAST_RUN = 3  # frames: what is shorter is a click, or the edge of a tone
_STEADY_MS = 80


class AnswerDetector:
    """One call. `audio` takes it from early media on; `answered` says when the call was answered."""

    def __init__(self, settings: AnsweringSettings | None = None) -> None:
        self._settings = settings or AnsweringSettings()
        self._tones = ToneTracker()
        self._rest = b""
        self._before = np.zeros(FRAME)
        self._frame = 0
        self._answered_at: int | None = None  # frames, as all below
        self._floor_db = -60.0
        self._first = self._last = -1  # voiced frames of the utterances so far
        self._began = -1  # of the latest utterance
        self._voiced = 0
        self._run = 0
        self._spoke_since_answer = False
        self._ringing = False
        self._beeps = 0
        self.verdict: Verdict | None = None
        """The latest."""

    @property
    def position_ticks(self) -> int:
        """The audio time that has been judged."""
        return self._frame * FRAME

    def answered(self) -> None:
        """The call is answered from here on."""
        if self._answered_at is None:
            self._answered_at = self._frame

    def assume(self, by: AnsweredBy, why: str) -> Verdict:
        """Somebody else has judged."""
        return self._decide(by, why)

    @property
    def is_done(self) -> bool:
        """Whether nothing more can be learned."""
        verdict, answered_at = self.verdict, self._answered_at
        if verdict is None or answered_at is None:
            return False
        if verdict.by.is_machine:
            return self._beeps > 0 and verdict.by is AnsweredBy.VOICEMAIL
        waited_ms = (self._frame - answered_at) * FRAME_MS
        return verdict.by.is_tone or waited_ms > self._settings.watched_ms

    def audio(self, pcm: bytes) -> list[AnsweringEvent]:
        """Take the next audio, 8 kHz 16-bit PCM without holes."""
        events: list[AnsweringEvent] = []
        data = self._rest + pcm
        whole = len(data) // (2 * FRAME) * 2 * FRAME
        self._rest = data[whole:]
        for samples in np.frombuffer(data[:whole], "<i2").astype(np.float64).reshape(-1, FRAME):
            self._take(samples, events)
        return events

    def words(self, text: str) -> list[AnsweringEvent]:
        """A recogniser has understood this much of the latest utterance."""
        by = kind_by_words(text)
        current = self.verdict.by if self.verdict is not None else None
        if by is None or by is current or (current is not None and current.is_tone):
            return []
        if by is AnsweredBy.HUMAN and current is not None and current is not AnsweredBy.SILENCE:
            return []  # a machine may say so, too
        if by is AnsweredBy.VOICEMAIL and current in (AnsweredBy.IVR, AnsweredBy.SCREENING):
            return []
        return [self._decide(by, "words")]

    # --- frames

    def _take(self, samples: "np.ndarray[tuple[int], np.dtype[np.float64]]", events: list[AnsweringEvent]) -> None:
        window = np.concatenate((self._before, samples))
        self._before = samples
        assert len(window) == WINDOW
        running = self._tones.running
        tonal = self._tones.frame(self._frame, window)
        self._frame += 1
        self._watch_tones(running, events)
        power = float(samples @ samples) / FRAME
        level_db = 10 * np.log10(power / 32_768.0**2 + 1e-12)
        threshold_db = min(max(self._floor_db + LEAST_DB, QUIETEST_DBFS), LOUDEST_FLOOR_DBFS)
        loud = bool(level_db > threshold_db)
        if not loud or tonal:
            step = 0.1 if level_db < self._floor_db else 0.02
            self._floor_db += 0.0 if tonal else step * (max(float(level_db), -75.0) - self._floor_db)
        if self._answered_at is not None:
            self._hear(loud and not tonal, tonal, events)

    def _hear(self, speech: bool, tonal: bool, events: list[AnsweringEvent]) -> None:
        now = self._frame
        tone = self._tones.running
        self._run = self._run + 1 if speech else 0
        if self._run >= _LEAST_RUN:
            if self._first < 0:
                self._first = now - self._run
            if self._last < 0 or (now - self._last) * FRAME_MS > 600:
                self._began = now - self._run
            self._voiced += _LEAST_RUN if self._run == _LEAST_RUN else 1
            self._last = now
        elif tonal and self._last >= 0 and tone is not None and tone.ms < _STEADY_MS:
            self._last = now  # a vowel may be a tone for a moment, but does not begin an utterance as one
        self._judge(events)

    def _judge(self, events: list[AnsweringEvent]) -> None:
        settings, now = self._settings, self._frame
        by = self.verdict.by if self.verdict is not None else None
        pause_ms = (now - self._last) * FRAME_MS if self._last >= 0 else 0
        if self._first < 0:
            waited_ms = (now - (self._answered_at or 0)) * FRAME_MS
            if by is None and waited_ms >= settings.silence_ms and self._tones.running is None:
                events.append(self._decide(AnsweredBy.SILENCE, "nobody has spoken"))
        elif by is None or by is AnsweredBy.SILENCE:
            self._judge_speech(pause_ms, events)
        elif by is AnsweredBy.HUMAN:
            if (self._last - self._began) * FRAME_MS >= settings.recorded_ms and pause_ms == 0:
                events.append(self._decide(AnsweredBy.VOICEMAIL, "talks without a pause"))
        elif by is AnsweredBy.VOICEMAIL and self._beeps == 0 and pause_ms >= settings.greeting_over_ms:
            self._beeps += 1
            events.append(Beep(self.position_ticks, heard=False))

    def _judge_speech(self, pause_ms: int, events: list[AnsweringEvent]) -> None:
        settings = self._settings
        spoken_ms = (self._last - self._first) * FRAME_MS
        voiced_ms = self._voiced * FRAME_MS
        if voiced_ms < MIN_SPEECH_MS:
            if pause_ms > 500:
                self._first = self._last = self._began = -1  # a click
                self._voiced = 0
            return
        needed = next((pause for length, pause in settings.pauses if spoken_ms <= length), None)
        if needed is not None and pause_ms >= needed:
            events.append(self._decide(AnsweredBy.HUMAN, f"said {spoken_ms} ms, then paused"))
        elif (self._frame - self._first) * FRAME_MS >= settings.decided_ms:
            by = AnsweredBy.HUMAN if pause_ms >= settings.last_pause_ms else AnsweredBy.VOICEMAIL
            events.append(self._decide(by, f"talks for {spoken_ms} ms"))

    # --- tones

    def _watch_tones(self, before: Tone | None, events: list[AnsweringEvent]) -> None:
        tones = self._tones
        spoken = self._voiced * FRAME_MS >= MIN_SPEECH_MS
        by = self.verdict.by if self.verdict is not None else None
        if not spoken and (by is None or by is AnsweredBy.SILENCE):
            if (found := tones.meaning()) is not None:
                events.append(self._decide(found, "its tone"))
            elif not self._ringing and tones.is_ringback():
                self._ringing = True
                events.append(Ringing(self.position_ticks))
        if spoken and before is not None and tones.running is not before and self._is_beep(before):
            self._beeps += 1
            if by is None or by in (AnsweredBy.HUMAN, AnsweredBy.SILENCE):
                events.append(self._decide(AnsweredBy.VOICEMAIL, "its beep"))
            events.append(Beep(self.position_ticks))

    def _is_beep(self, tone: Tone) -> bool:
        shortest, longest = self._settings.beep_ms
        return shortest <= tone.ms <= longest

    def _decide(self, by: AnsweredBy, why: str) -> Verdict:
        self.verdict = Verdict(by, self.position_ticks, why, self.verdict is not None)
        return self.verdict

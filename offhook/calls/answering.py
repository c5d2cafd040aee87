"""Who answered a call that the bot has placed: the detector on the call's line, and what waits for its verdict."""

import asyncio
from collections.abc import Callable
from time import monotonic

from offhook.pipeline.answering.detector import AnswerDetector, AnsweringSettings
from offhook.pipeline.answering.verdict import AnsweredBy, AnsweringEvent, Beep, Ringing, Verdict
from offhook.pipeline.trace import BeepHeard, PhoneRang, SessionEvent, WhoAnswered
from offhook.settings.answering import AnsweringConfig
from offhook.telephony import pcm as pcm_tools
from offhook.telephony.line import MediaLine
from offhook.telephony.resample import Downsampler

CARRIERS_WORDS = {
    "human": AnsweredBy.HUMAN,
    "machine_start": AnsweredBy.VOICEMAIL,
    "machine_end_beep": AnsweredBy.VOICEMAIL,
    "machine_end_silence": AnsweredBy.VOICEMAIL,
    "machine_end_other": AnsweredBy.VOICEMAIL,
    "fax": AnsweredBy.FAX,
}
"""Twilio's AnsweredBy; "unknown" is none."""

RECORDS_ALREADY = frozenset({"machine_end_beep", "machine_end_silence"})
"""It is a voicemail, and its greeting is over."""


class Answering:
    """One call. `report` gets what was found out; `given` is the carrier's word, if there is one."""

    def __init__(self, config: AnsweringConfig, report: Callable[[SessionEvent], None], given: str = "") -> None:
        self._report = report
        self._changed = asyncio.Event()
        self._over = False
        self._beeped = given in RECORDS_ALREADY
        self._remove: Callable[[], None] | None = None
        self._down: Downsampler | None = None
        settings = AnsweringSettings(
            silence_ms=config.silence_ms, decided_ms=config.decided_ms, greeting_over_ms=config.greeting_over_ms
        )
        self._detector = AnswerDetector(settings)
        self._given = CARRIERS_WORDS.get(given.lower())
        self._listens = config.detect

    @property
    def by(self) -> AnsweredBy | None:
        """Who answered, as far as it is known."""
        verdict = self._detector.verdict
        return None if verdict is None else verdict.by

    def attach(self, line: MediaLine) -> None:
        """Listen to the line, from early media on."""
        if self._listens:
            self._down = Downsampler() if line.rate_hz != pcm_tools.RATE_HZ else None
            self._remove = line.add_listener(audio=self._hear)

    def answered(self) -> None:
        """The call is answered."""
        self._detector.answered()
        if self._given is not None:
            self._happened([self._detector.assume(self._given, "the carrier says so")])

    def words(self, text: str) -> None:
        """A recogniser has understood so much of an utterance."""
        if self._listens:
            self._happened(self._detector.words(text))

    def close(self) -> None:
        """The call is over."""
        self._over = True
        self._stop()
        self._changed.set()

    async def verdict(self, within_s: float) -> AnsweredBy | None:
        """Wait until somebody or something has answered; None: it is not known in that time, or the call is over."""
        await self._until(lambda: self.by not in (None, AnsweredBy.SILENCE), within_s)
        return self.by

    async def beep(self, within_s: float) -> bool:
        """Wait until a voicemail records; False: no beep and no long silence came in that time, or the call is over."""
        await self._until(lambda: self._beeped, within_s)
        return self._beeped

    def _hear(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        self._happened(self._detector.audio(pcm if self._down is None else self._down.push(pcm)))
        if self._detector.is_done:
            self._stop()

    def _happened(self, events: list[AnsweringEvent]) -> None:
        now = monotonic()
        for event in events:
            match event:
                case Verdict(by=by, why=why, revised=revised):
                    self._report(WhoAnswered(str(by), why, revised, now))
                case Beep(heard=heard):
                    self._beeped = True
                    self._report(BeepHeard(heard, now))
                case Ringing():
                    self._report(PhoneRang(now))
        if events:
            self._changed.set()

    def _stop(self) -> None:
        if self._remove is not None:
            self._remove()
            self._remove = None

    async def _until(self, condition: Callable[[], bool], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not condition() and not self._over:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

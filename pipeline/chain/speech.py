"""One text on its way through a chain of voices."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from offhook.pipeline.chain.breaker import PROBE_S
from offhook.pipeline.chain.member import Candidate, Member, all_failed, start_reason, used
from offhook.pipeline.chain.race import Lost, Race, Start, Stop, Why, Won
from offhook.pipeline.chain.spending import CallMeter, Outcome
from offhook.pipeline.chain.spoken import EstimatedWords, Spoken
from offhook.pipeline.clock import Clock
from offhook.pipeline.errors import EngineError
from offhook.pipeline.rates import TICK_HZ, MakeResampler
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, TtsConversation, TtsEngine, Word
from offhook.pipeline.tts.pace import Pace
from offhook.pipeline.tts.voice import closing


class VoiceChain(Protocol):
    """What a text needs of its chain."""

    name: str
    capabilities: TtsCapabilities
    resampler: MakeResampler
    clock: Clock
    meter: CallMeter
    tasks: set[asyncio.Task[None]]
    paces: dict[str, Pace]

    @property
    def day(self) -> int: ...

    def engine_of(self, member: Member[TtsEngine]) -> TtsEngine: ...

    def speaker_of(self, member: Member[TtsEngine]) -> TtsEngine | TtsConversation: ...


class Speech:
    """Speaks `text` with the first of `candidates` that gives audio; `preferred` is the one whose audio may be kept,
    `why` says why others were passed over."""

    def __init__(
        self,
        chain: VoiceChain,
        candidates: Sequence[Candidate[TtsEngine]],
        preferred: Member[TtsEngine],
        why: str,
        text: str,
    ) -> None:
        self._chain = chain
        self._preferred = preferred
        self._why = why
        self._spoken = Spoken(text, chain.capabilities.rate_hz)
        self._changed = asyncio.Event()
        self._order = list(candidates)  # by number in the race
        self._race = self._new_race()
        self._working: dict[int, _Voice] = {}
        self._lead: _Voice | None = None
        self._errors: list[EngineError] = []
        self._owed: tuple[Word, ...] = ()  # estimated when a voice broke off
        self._lost = False
        self._began_at = 0.0

    async def chunks(self) -> AsyncGenerator[SpeechChunk]:
        """The speech. Raises EngineError."""
        self._race.begin(self._now())
        self._settle()
        try:
            while True:
                while (chunk := self._next_chunk()) is not None:
                    yield chunk
                if self._take_ends():
                    break
                await self._wait()
            if (last := self._last_words()) is not None:
                yield last
        finally:
            self._race.cancel()
            voices = tuple(self._working.values())
            for voice in voices:
                voice.end(Outcome.CANCELLED)
            self._working.clear()
            # The engines' streams are closed when this returns.
            await asyncio.gather(*(voice.task for voice in voices), return_exceptions=True)

    def _next_chunk(self) -> SpeechChunk | None:
        """What the leading voice has given; the first voice that gives something leads."""
        if self._lead is None or not self._lead.pieces:
            first = next((i for i, each in self._working.items() if each is not self._lead and each.pieces), None)
            if first is not None:
                self._race.answered(first)
                self._settle()
        lead = self._lead
        if lead is None or not lead.pieces:
            return None
        piece, words = lead.pieces.popleft()
        now = self._now()
        self._began_at = self._began_at or now
        complete = self._spoken.add(len(piece) // 2, words)
        self._race.alive(0, now, self._allowed_silence_s(lead, now))
        self._settle()
        return self._chunk(piece, complete, lead)

    def _allowed_silence_s(self, lead: "_Voice", now: float) -> float:
        """How long the voice may be silent: what it has given must last until the next one's first audio."""
        allowance_s = lead.candidate.member.limits.allowance_s
        left_s = self._began_at + self._spoken.samples / self._chain.capabilities.rate_hz - now
        return max(allowance_s, left_s - allowance_s)

    def _chunk(self, pcm: bytes, words: tuple[Word, ...], voice: "_Voice") -> SpeechChunk:
        words, self._owed = (*self._owed, *words), ()
        shown = words if self._chain.capabilities.word_positions else ()
        member = voice.candidate.member
        return SpeechChunk(pcm, shown, keep=member is self._preferred, engine=member.name)

    def _take_ends(self) -> bool:
        """Handle voices that have ended. Returns whether the text is spoken. Raises the EngineError of the last one."""
        for index, voice in tuple(self._working.items()):
            if self._working.get(index) is not voice or not voice.task.done() or voice.pieces:
                continue
            error = voice.failure(self._spoken, leads=voice is self._lead)
            if error is None:
                del self._working[index]
                voice.end(Outcome.ANSWERED)
                return True
            self._errors.append(error)
            del self._working[index]
            voice.end(Outcome.FAILED)
            if voice is self._lead:
                self._lead = None
                self._owed += self._spoken.broke_off()
                if self._spoken.rest_at == len(self._spoken.text):
                    return True  # only silence was missing
            self._race.failed(index, self._now())
            self._settle()
        if self._lost:
            raise all_failed(self._chain.name, "speaking", self._errors)
        return False

    def _last_words(self) -> SpeechChunk | None:
        words = self._spoken.finish()
        if not words or self._lead is None:
            return None
        return self._chunk(b"", words, self._lead)

    async def _wait(self) -> None:
        due = self._race.get_timer()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - self._now())):
                await self._changed.wait()
        self._changed.clear()
        self._race.handle_timer(self._now())
        self._settle()

    def _settle(self) -> None:
        while (action := self._race.next_action()) is not None:
            match action:
                case Start(index, why):
                    self._start(index, why)
                case Stop(index, late):
                    voice = self._working.pop(index)
                    self._lead = None if voice is self._lead else self._lead
                    voice.end(Outcome.LATE if late else Outcome.CANCELLED)
                case Won(index):
                    self._follow(index)
                case Lost():
                    self._lost = True

    def _start(self, index: int, why: Why) -> None:
        self._owed += self._spoken.broke_off()
        candidate, at = self._order[index], self._spoken.rest_at
        before = self._order[index - 1].member.name if index else ""
        reason = start_reason(why, before, self._why, self._errors)
        self._working[index] = _Voice(
            self._chain, candidate, self._spoken.text[at:], (at, self._spoken.samples), reason, self._changed.set
        )

    def _follow(self, winner: int) -> None:
        """A voice has begun to give audio: it leads, and those that have not been tried may take over from it."""
        lead = self._lead = self._working.pop(winner)
        for probe in self._working.values():
            probe.judge()
        self._order = [replace(lead.candidate, probe=False), *self._order[winner + 1 :]]
        self._working = {0: lead}
        self._race = self._new_race()
        self._race.begin(self._now(), running=True)

    def _new_race(self) -> Race:
        return Race(
            [candidate.member.limits.allowance_s for candidate in self._order],
            probes=[index for index, candidate in enumerate(self._order) if candidate.probe],
        )

    def _now(self) -> float:
        return self._chain.clock.now()


class _Voice:
    """One voice at work: on the text, or on what another one has left of it.

    `offset` is where that begins, in characters and samples. `changed` is called when there is news.
    """

    def __init__(
        self,
        chain: VoiceChain,
        candidate: Candidate[TtsEngine],
        text: str,
        offset: tuple[int, int],
        why: str,
        changed: Callable[[], None],
    ) -> None:
        self.candidate = candidate
        self.pieces: deque[tuple[bytes, tuple[Word, ...]]] = deque()
        """Audio at the chain's rate, in whole samples, and words in the whole text and audio."""
        self._chain = chain
        self._text = text
        self._offset = offset
        self._why = why
        self._changed = changed
        self._speaker = chain.speaker_of(candidate.member)
        has, rate_hz = chain.engine_of(candidate.member).capabilities, chain.capabilities.rate_hz
        self._scale = rate_hz / has.rate_hz
        self._resampler = chain.resampler(has.rate_hz, rate_hz) if has.rate_hz != rate_hz else None
        self._pace = None if has.word_positions else chain.paces[candidate.member.name]
        per_char = self._pace.ticks_per_char * rate_hz / TICK_HZ if self._pace is not None else 0.0
        self._estimated = EstimatedWords(text, per_char)
        self._odd = b""  # half a sample
        self._samples = 0
        self._counted = False
        self._timer: asyncio.TimerHandle | None = None
        if candidate.probe:
            candidate.member.breaker.probe(chain.clock.now())
        self.task = asyncio.get_running_loop().create_task(self._run())
        chain.tasks.add(self.task)
        self.task.add_done_callback(self._on_done)

    def failure(self, spoken: Spoken, *, leads: bool) -> EngineError | None:
        """Why it failed, once its task is done; None: it has spoken its text. Raises what is not an EngineError."""
        error = self.task.exception()
        if isinstance(error, EngineError):
            return error
        if error is not None:
            raise error
        name = self.candidate.member.name
        if not self._samples and any(char.isalnum() for char in self._text):
            return EngineError(name, "speaking", "it gave no audio")
        if leads and self._pace is None and spoken.is_cut_short():
            return EngineError(name, "speaking", "it ended before the text did")
        return None

    def end(self, outcome: Outcome) -> None:
        """Stop it, and count it once."""
        self.task.cancel()
        if self._counted:
            return
        self._counted = True
        if self._timer is not None:
            self._timer.cancel()
        chain, candidate = self._chain, self.candidate
        if candidate.probe and outcome is Outcome.CANCELLED and self._samples:
            outcome = Outcome.ANSWERED  # a probe's first audio is what was asked
        spent = candidate.member.limits.spent(characters=len(self._text))
        used(candidate, outcome, spent, self._why, now=chain.clock.now(), day=chain.day, meter=chain.meter)

    def judge(self) -> None:
        """It has lost, and is a probe: let it go on until it gives audio, fails, or is too slow."""
        self._changed = self._judge
        self._timer = asyncio.get_running_loop().call_later(PROBE_S, self.end, Outcome.LATE)
        self._judge()

    def _judge(self) -> None:
        if self.pieces:
            self.end(Outcome.ANSWERED)
        elif self.task.done():
            self.end(Outcome.CANCELLED if self.task.cancelled() else Outcome.FAILED)

    async def _run(self) -> None:
        async with closing(self._speaker.synthesize(self._text)) as chunks:
            async for chunk in chunks:
                self._take(chunk)
        rest = self._resampler.flush() if self._resampler is not None else b""
        self._give(rest, ())
        if self._pace is not None and self._samples:
            self._pace.learn(len(self._text), self._samples * TICK_HZ // self._chain.capabilities.rate_hz)
            self._give(b"", self._estimated.finish())

    def _take(self, chunk: SpeechChunk) -> None:
        data = self._odd + chunk.pcm
        self._odd = data[len(data) // 2 * 2 :]
        data = data[: len(data) // 2 * 2]
        pcm = data if self._resampler is None else self._resampler.push(data)
        if self._pace is not None:
            words = self._estimated.add(len(pcm) // 2)
        else:
            words = tuple(self._at_chain_rate(word) for word in chunk.words)
        self._give(pcm, words)

    def _at_chain_rate(self, word: Word) -> Word:
        start, end = (round(at * self._scale) for at in (word.start_sample, word.end_sample))
        return replace(word, start_sample=start, end_sample=end)

    def _give(self, pcm: bytes, words: tuple[Word, ...]) -> None:
        self._samples += len(pcm) // 2
        if pcm or words:
            self.pieces.append((pcm, tuple(word.moved(*self._offset) for word in words)))
            self._changed()

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        self._chain.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, should nobody want it any more
        self._changed()

"""The bot's side of a session: its utterances, one at a time, each with an id."""

import asyncio
from collections.abc import Callable

from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore
from offhook.pipeline.events import Playback, Prompt
from offhook.pipeline.ports import Line
from offhook.pipeline.recognition import Run
from offhook.pipeline.speaker import Speaker
from offhook.pipeline.trace import BotSpoke, SessionEvent
from offhook.pipeline.tts.voice import Voice
from offhook.pipeline.turn.events import Interrupted, TurnEvent, UtterancePlayed, UtteranceStarted
from offhook.pipeline.turn.tables import Action


class Utterances:
    """Numbers utterances, says them, and publishes when each starts and ends.

    An id that is not the latest one's belongs to an utterance that is over. For `on_queue`,
    `on_played` and `on_clause` see Speaker.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # what happens to an utterance concerns several parts of a session
        self,
        line: Line,
        voice: Voice,
        clock: Clock,
        run: Run,
        report: Callable[[SessionEvent], None],
        publish: Callable[[TurnEvent], None],
        on_queue: Callable[[int, float], None],
        on_played: Callable[[float], None],
        on_clause: Callable[[float], None],
    ) -> None:
        self.latest = 0
        """The id of the latest utterance, open or not."""
        self.playback = Playback()
        """What was played of the utterance that ended last, until another question or utterance begins."""
        self._loop = asyncio.get_running_loop()
        self._report = report
        self._publish = publish
        self._speaker = Speaker(line, voice, clock, run, self._on_event, on_queue, on_played, on_clause)
        self._prompt = Prompt("")
        self._text_complete = True
        self._given_by = ""
        self._said: asyncio.Future[Playback] | None = None

    @property
    def open(self) -> bool:
        """Whether one is being said."""
        return self._speaker.open

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._speaker.paused

    def begin(self, prompt: Prompt, *, complete: bool, given_by: str = "") -> None:
        """Another utterance, said when the core commands it; with `complete` false, `append` adds text. `given_by`: see
        Speaker."""
        self.latest += 1
        self._prompt, self._text_complete, self._given_by = prompt, complete, given_by
        self.playback = Playback()
        self._said = self._loop.create_future()

    def append(self, utterance: int, text: str) -> None:
        """Add text; does nothing if it is over."""
        if utterance == self.latest:
            self._speaker.append(text)

    def append_audio(self, utterance: int, payload: bytes) -> None:
        """Add audio of a given one; does nothing if it is over."""
        if utterance == self.latest:
            self._speaker.append_audio(payload)

    def finish(self, utterance: int) -> None:
        """The text is complete."""
        if self.is_open(utterance):
            self._speaker.complete()

    def flush(self, utterance: int) -> None:
        """Speak the text so far, though it ends no clause."""
        if self.is_open(utterance):
            self._speaker.flush()

    def so_far(self, utterance: int) -> Playback:
        """What has been played of an open one."""
        return self._speaker.so_far() if self.is_open(utterance) else self.playback

    @property
    def failed(self) -> bool:
        """See Speaker."""
        return self._speaker.failed

    @property
    def waits_for_text(self) -> bool:
        """See Speaker."""
        return self._speaker.open and self._speaker.waits_for_text

    def give_up(self, why: str) -> None:
        """The voice stands still: see Speaker."""
        self._speaker.give_up(why)

    def sent_so_far(self) -> Playback:
        """See Speaker."""
        return self._speaker.sent_so_far()

    def prepare(self, text: str, language: str | None, voice: str | None) -> None:
        """Synthesise the first clause of a text that may be said soon: see PreparedSpeech."""
        self._speaker.prepared.prepare(text, language, voice)

    def is_open(self, utterance: int) -> bool:
        """Whether that one is being said."""
        return utterance == self.latest and self._speaker.open

    def said(self, utterance: int) -> "asyncio.Future[Playback]":
        """The playback of the latest one, once it is over. ValueError for any other."""
        if utterance != self.latest or self._said is None:
            raise ValueError(f"utterance {utterance} is not the last one")
        return self._said

    def execute(self, action: Action, now: float, interrupted_at: float) -> None:
        """Execute a command of the core that concerns the utterance; `interrupted_at` is the caller's first sound."""
        match action:
            case Action.PLAY:
                prompt = self._prompt
                self._speaker.say(
                    prompt.text,
                    prompt.policy.resume,
                    complete=self._text_complete,
                    language=prompt.language,
                    voice=prompt.voice,
                    given_by=self._given_by,
                    parts=prompt.parts,
                )
            case Action.PAUSE:
                self._speaker.pause(1000 * max(0.0, now - interrupted_at))
            case Action.RESUME:
                self._speaker.resume(now)
            case Action.ABANDON_PROMPT:
                self._speaker.abandon(now)

    def check_played(self) -> None:
        """The line has run dry."""
        self._speaker.check_played()

    def end(self, now: float) -> None:
        """The open utterance is over."""
        self.playback = playback = self._speaker.end(now)
        if self._said is not None and not self._said.done():
            self._said.set_result(playback)
        event = Interrupted if playback.interrupted else UtterancePlayed
        self._publish(event(self.latest, playback))

    def fail(self, error: BaseException) -> None:
        """A task of the session failed: who awaits the utterance gets the error."""
        if self._said is not None and not self._said.done():
            self._said.set_exception(error)

    def close(self, now: float) -> None:
        """The call is over: end the open utterance, and refuse any other."""
        if self._speaker.open:
            self.end(now)
        self._speaker.close(now)
        # The callbacks' owner refers to this object.
        self._report = self._publish = ignore

    def _on_event(self, event: SessionEvent) -> None:
        self._report(event)
        if isinstance(event, BotSpoke):
            self._publish(UtteranceStarted(self.latest))

"""What an agent says in one call: one utterance at a time, and its words into the history as they were heard."""

import asyncio
from collections.abc import Callable

from offhook.agents.history import History
from offhook.api.call import Call
from offhook.api.utterance import Utterance
from offhook.pipeline.events import Playback


class AgentSpeech:
    """Begins utterances, waits for them, and measures how long the caller has heard nothing."""

    def __init__(self, call: Call, history: History, voice: str | None) -> None:
        self._call = call
        self._history = history
        self._voice = voice
        self._now: Callable[[], float] = asyncio.get_running_loop().time
        self._quiet_from = self._now()
        self._utterance: Utterance | None = None
        self._reply: int | None = None  # the history's id of what is being said

    @property
    def busy(self) -> bool:
        """Whether an utterance is open."""
        return self._utterance is not None and not self._utterance.over

    @property
    def is_filled(self) -> bool:
        """Whether the floor says a filler."""
        return self._call.is_audible and not self.busy

    def quiet_s(self) -> float:
        """How long the bot has not been heard, since `caller_done` at most."""
        if self._call.is_audible:
            self._quiet_from = self._now()
        return self._now() - self._quiet_from

    def caller_done(self, at: float | None = None) -> None:
        """The caller's last sound was at `at` (None: now): silence counts from there."""
        self._quiet_from = self._now() if at is None else at

    async def begin(self, reply: int | None) -> Utterance:
        """An utterance that grows, once the one before it is over. `reply` is its id in the history; None: a filler.

        Raises CallEnded.
        """
        await self.over()
        utterance = self._call.start_saying(voice=self._voice)
        self._utterance, self._reply = utterance, reply
        return utterance

    async def say(self, text: str, *, into_history: bool = True) -> Utterance:
        """Say a sentence of the bot's own. Raises CallEnded."""
        reply = None
        if into_history:
            await self.over()
            reply = self._history.reply()
            self._history.grow(reply, text)
        utterance = await self.begin(reply)
        utterance.append(text)
        utterance.finish()
        return utterance

    async def over(self) -> Playback:
        """Wait until nothing is being said; what was heard of the last."""
        if self._utterance is None:
            return Playback()
        playback = await self._utterance
        self._settle(playback)
        return playback

    def on_over(self, utterance: int, playback: Playback) -> bool:
        """An utterance is over; returns whether it was no filler."""
        if self._utterance is None or self._utterance.id != utterance:
            return False
        in_history = self._reply is not None
        self._settle(playback)
        return in_history

    def stop(self) -> None:
        """Whatever is being said ends here."""
        if self._utterance is not None:
            self._utterance.cancel()
            self._settle(self._utterance.played)

    def would_be(self, history: History) -> None:
        """Change a copy of the history as if the caller had interrupted here."""
        if self._utterance is not None and self._reply is not None and not self._utterance.over:
            history.heard(self._reply, self._utterance.played)

    def prepare(self, text: str) -> None:
        """`text` is likely to be said next."""
        self._call.prepare(text, voice=self._voice)

    def _settle(self, playback: Playback) -> None:
        if self._reply is not None:
            self._history.heard(self._reply, playback)
            self._reply = None

"""The model's replies on the floor: one utterance at a time, in their order, and what was heard of each."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from offhook.api.call_audio import CallAudio, GivenUtterance
from offhook.api.turns import Said
from offhook.pipeline.events import Interruption, Playback
from offhook.pipeline.rates import TICK_HZ


@dataclass(slots=True)
class Reply:
    """One item of the model."""

    item: str
    received_bytes: int = 0
    text: str = ""
    """Its transcript so far."""
    parts: list[str | bytes] = field(default_factory=list)  # transcript and audio, until its utterance begins
    over: bool = False
    lost: bool = False
    """Its session was lost: nobody can be told how much of it was played."""
    broken: bool = False
    """In the middle of it."""
    utterance: GivenUtterance | None = None


MAX_WAITING = 16
"""Replies that wait; of more, nothing is heard."""

MAX_REPLY_S = 300
"""Audio of one reply; the rest is not heard, and the model is told where it was cut."""

MAX_REPLY_CHARS = 50_000
"""Transcript of one reply; the rest is not on the record."""

OnPlayed = Callable[[Reply, int | None, int, str], None]
"""Of a reply that is over: the milliseconds that were played (None: all), those received, the text played."""


class Replies:
    """Plays replies. `on_played` gets how much of each was played, in the order in which they came."""

    def __init__(self, audio: CallAudio, given_by: str, interruption: Interruption, on_played: OnPlayed) -> None:
        self.playing: Reply | None = None
        self.may_begin = True
        """Cleared while the caller has the floor."""
        self._audio = audio
        self._given_by = given_by
        self._interruption = interruption
        self._on_played = on_played
        self._waiting: deque[Reply] = deque()
        self._ignored: deque[str] = deque(maxlen=100)  # items that nobody will hear any more

    @property
    def idle(self) -> bool:
        """Whether nothing is being said or waits to be."""
        return self.playing is None and not self._waiting

    def add_audio(self, item: str, payload: bytes) -> None:
        """More audio of an item."""
        reply = self._reply(item)
        if reply is None or not payload:
            return
        payload = payload[: MAX_REPLY_S * TICK_HZ * self._audio.bytes_per_tick - reply.received_bytes]
        reply.received_bytes += len(payload)
        if reply.utterance is not None:
            reply.utterance.append_audio(payload)
        else:
            reply.parts.append(payload)
            self.begin()

    def add_text(self, item: str, delta: str) -> None:
        """More of its transcript."""
        reply = self._reply(item)
        if reply is None or len(reply.text) >= MAX_REPLY_CHARS:
            return
        reply.text += delta
        if reply.utterance is not None:
            reply.utterance.append(delta)
        else:
            reply.parts.append(delta)

    def end(self, item: str) -> None:
        """All of it has come."""
        reply = self._reply(item)
        if reply is None:
            return
        reply.over = True
        if reply.utterance is not None:
            reply.utterance.finish()
        elif not reply.received_bytes:
            self._waiting.remove(reply)

    def begin(self) -> None:
        """Begin the next reply, if nothing is being said and the caller does not speak."""
        while self._waiting and self.playing is None and self.may_begin:
            # A transcript may be ahead of its audio; it does not hold up the audio of another reply.
            reply = next((reply for reply in self._waiting if reply.received_bytes), None)
            if reply is None:
                return
            try:
                utterance = self._audio.start_saying(self._given_by, self._interruption)
            except RuntimeError:
                return  # the bot says something else, and `played` follows
            self._waiting.remove(reply)
            self.playing, reply.utterance = reply, utterance
            for part in reply.parts:
                if isinstance(part, str):
                    utterance.append(part)
                else:
                    utterance.append_audio(part)
            reply.parts.clear()
            if reply.over:
                utterance.finish()

    def ended(self, utterance_id: int, playback: Playback) -> Reply | None:
        """An utterance of the call has ended; returns the reply if it was one, and begins the next if it was played."""
        reply = self.playing
        if reply is None or reply.utterance is None or reply.utterance.id != utterance_id:
            self.begin()
            return None
        self.playing = None
        self._ignored.append(reply.item)
        received_ms = self._received_ms(reply)
        if playback.interrupted:
            self._on_played(reply, min(int(1000 * playback.played_s), received_ms), received_ms, playback.text_played)
            self.drop_waiting()
        else:
            self._on_played(reply, None, received_ms, playback.text_played)
            self.begin()
        return reply

    def cut(self) -> None:
        """Stop at once: the caller has the floor. `ended` follows for what was being said."""
        if self.playing is not None and self.playing.utterance is not None:
            self.playing.utterance.cancel()
        else:
            self.drop_waiting()

    async def silence(self) -> None:
        """Stop at once, and wait until nothing is being said."""
        self.drop_waiting()
        if self.playing is not None and self.playing.utterance is not None:
            self.playing.utterance.cancel()
            await self.playing.utterance

    def drop_waiting(self) -> None:
        """What has not begun will not be heard."""
        while self._waiting:
            reply = self._waiting.popleft()
            self._ignored.append(reply.item)
            self._on_played(reply, 0, self._received_ms(reply), "")

    @property
    def to_come(self) -> tuple[Said, ...]:
        """What is not in the history yet: the reply that is being played, and those that wait, as far as they have
        come."""
        return tuple(Said("bot", text) for reply in self._unplayed if (text := reply.text.strip()))

    @property
    def _unplayed(self) -> list[Reply]:
        return [*([self.playing] if self.playing is not None else ()), *self._waiting]

    def lost(self) -> None:
        """Nothing more comes of any reply."""
        for reply in self._unplayed:
            reply.lost = True
            if not reply.over:
                reply.broken = True
                self.end(reply.item)

    def _received_ms(self, reply: Reply) -> int:
        return int(1000 * reply.received_bytes / self._audio.bytes_per_tick / TICK_HZ)

    def _has_room(self) -> bool:
        """Whether another one may wait; one without audio makes room."""
        silent = next((reply for reply in self._waiting if not reply.received_bytes), None)
        if len(self._waiting) == MAX_WAITING and silent is not None:
            self._waiting.remove(silent)
            self._ignored.append(silent.item)
        return len(self._waiting) < MAX_WAITING

    def _reply(self, item: str) -> Reply | None:
        if item in self._ignored:
            return None
        if self.playing is not None and self.playing.item == item:
            return self.playing
        found = next((reply for reply in self._waiting if reply.item == item), None)
        if found is None and self._has_room():
            found = Reply(item)
            self._waiting.append(found)
        return found

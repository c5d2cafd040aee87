"""The far end of a stream in virtual time: it plays one piece after the other, echoes marks, drops on `clear`."""

import heapq
import json
from base64 import b64decode
from dataclasses import dataclass, field
from itertools import count

from offhook.telephony.media_streams.messages import Writer
from offhook.telephony.media_streams.playout_buffer import PlayoutBuffer


@dataclass(slots=True)
class FarEnd:
    """`there_s` and `back_s` are the two ways' delays; it waits `wait_s` before it plays into silence."""

    there_s: float = 0.0
    back_s: float = 0.0
    wait_s: float = 0.0
    echoes: bool = True
    played: bytearray = field(default_factory=bytearray)
    gaps: list[float] = field(default_factory=list)
    clears: int = 0
    _buffer: list[tuple[float, bytes]] = field(default_factory=list)  # (starts at, payload)
    _marks: list[tuple[float, str]] = field(default_factory=list)  # (due, name)
    _ends_at: float = float("-inf")
    _cleared: bool = True

    def take(self, text: bytes, now: float) -> list[tuple[float, str]]:
        """A message arrives; the marks it returns at once, with the time of their echo's arrival at the bot."""
        message = json.loads(text)
        event = message["event"]
        if event == "media":
            payload = b64decode(message["media"]["payload"])
            if now > self._ends_at:
                if not self._cleared:
                    self.gaps.append(now - self._ends_at)
                self._ends_at = now + self.wait_s
            self._cleared = False
            self._buffer.append((self._ends_at, payload))
            self._ends_at += len(payload) / 8_000
        elif event == "mark":
            self._marks.append((max(now, self._ends_at), message["mark"]["name"]))
        elif event == "clear":
            self.play_until(now)
            self.clears += 1
            self._buffer.clear()
            self._ends_at = min(self._ends_at, now)
            self._cleared = True
            returned, self._marks = self._marks, []
            return [(now, name) for _, name in returned]
        return []

    def play_until(self, now: float) -> list[tuple[float, str]]:
        """Play what is due; the marks that were reached, each with its time."""
        while self._buffer and self._buffer[0][0] < now:
            starts_at, payload = self._buffer.pop(0)
            samples = round((now - starts_at) * 8_000)
            self.played += payload[:samples]
            if samples < len(payload):
                self._buffer.insert(0, (starts_at + samples / 8_000, payload[samples:]))
                break
        reached = [mark for mark in self._marks if mark[0] <= now]
        self._marks = self._marks[len(reached) :]
        return reached

    def spurt_over(self) -> None:
        """What comes next begins a new utterance: no gap is counted."""
        self._cleared = True


class Talk:
    """A `PlayoutBuffer` and its far end on one clock, in steps of a millisecond."""

    def __init__(self, far: FarEnd | None = None, *, round_trip_s: float | None = None) -> None:
        self.far = far or FarEnd()
        self.playout = PlayoutBuffer(Writer("MZ1"))
        self.playout.round_trip_s = round_trip_s
        self.now = 100.0
        self.reported = bytearray()
        self.drained_at: list[float] = []
        self.wire: list[bytes] = []
        self._post: list[tuple[float, int, bool, bytes | str]] = []
        self._order = count()

    def play(self, payload: bytes) -> None:
        self.playout.play(payload, self.now)
        self.flush()

    def clear(self) -> int:
        dropped = self.playout.clear(self.now)
        self.flush()
        return dropped

    def flush(self) -> None:
        messages, self.playout.messages = self.playout.messages, []
        for text in messages:
            self.wire.append(text)
            heapq.heappush(self._post, (self.now + self.far.there_s, next(self._order), True, text))
        for payload, ordinal in self.playout.played:
            assert ordinal == len(self.reported)
            self.reported += payload
        self.playout.played.clear()
        assert len(self.reported) == self.playout.sent_ticks
        if self.playout.drained:
            self.playout.drained = False
            self.drained_at.append(self.now)

    def run(self, seconds: float, *, stalled: bool = False, writable: bool = True) -> None:
        """Let time pass; `stalled`: the bot's program stands still meanwhile, and catches up at the end."""
        for _ in range(round(seconds * 1_000)):
            self.now = round(self.now + 0.001, 3)
            self._network(stalled=stalled)
            due = self.playout.get_timer()
            if not stalled and due is not None and due <= self.now:
                self.playout.handle_timer(self.now, writable=writable)
                self.flush()

    def _network(self, *, stalled: bool) -> None:
        for due, name in self.far.play_until(self.now):
            self._return(due, name)
        while self._post and self._post[0][0] <= self.now and (self._post[0][2] or not stalled):
            at, _, towards_far_end, what = heapq.heappop(self._post)
            if isinstance(what, bytes) and towards_far_end:
                for due, name in self.far.take(what, at):
                    self._return(due, name)
            elif isinstance(what, str):
                self.playout.echo(what, self.now)

    def _return(self, due: float, name: str) -> None:
        if self.far.echoes:
            heapq.heappush(self._post, (due + self.far.back_s, next(self._order), False, name))

    @property
    def caller_got(self) -> int:
        return self.playout.played_ticks(self.now)

"""A phone line in memory, in real or virtual time: 20 ms of audio each way, every 20 ms."""

import asyncio
from collections import deque

from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.listeners import LineListeners

PACKET_TICKS = 160
PACKET_S = 0.02
_SILENCE = bytes(2 * PACKET_TICKS)


class SimulatedLine:
    """A Line at 8 kHz, for a session that runs on the same loop.

    `in_flight_ticks` of the sent audio have not arrived at the caller yet. With the encoding PCMU or PCMA its payload
    is G.711.
    """

    rate_hz = 8_000
    bytes_per_tick = 1
    awaits_media = True

    def __init__(self, in_flight_ticks: int = 0, encoding: str = "L8") -> None:
        self.encoding = encoding
        self._law = {"PCMU": PCMU, "PCMA": PCMA}.get(encoding)
        self._listeners = LineListeners()
        self.add_listener = self._listeners.add
        self.shield = self._listeners.shield
        self.in_flight_ticks = in_flight_ticks
        self.received_ticks = 0
        """The caller's audio so far."""
        self._queue = bytearray()
        self._sent_ticks = 0
        self._caller: deque[bytes] = deque()
        self._loop = asyncio.get_running_loop()
        self._next_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._tick()

    def encode(self, pcm: bytes) -> bytes:
        """The upper bytes: only the length matters."""
        return pcm[1::2] if self._law is None else self._law.encode(pcm)

    def play(self, payload: bytes) -> None:
        """See Line."""
        self._queue += payload

    def clear(self) -> int:
        """See Line."""
        dropped = len(self._queue)
        self._queue.clear()
        return dropped

    @property
    def queued_ticks(self) -> int:
        """See Line."""
        return len(self._queue)

    @property
    def sent_ticks(self) -> int:
        """See Line."""
        return self._sent_ticks

    def played_ticks(self) -> int:
        """See Line."""
        return max(0, self._sent_ticks - self.in_flight_ticks)

    def speak(self, pcm: bytes) -> float:
        """Queue the caller's speech, 16-bit PCM at 8 kHz. Returns the seconds until its end."""
        for at in range(0, len(pcm), len(_SILENCE)):
            self._caller.append(pcm[at : at + len(_SILENCE)].ljust(len(_SILENCE), b"\0"))
        return len(self._caller) * PACKET_S

    def press(self, digit: str) -> None:
        """The caller presses a key."""
        for on_dtmf in self._listeners.dtmf:
            on_dtmf(digit, self.received_ticks)

    def type(self, line: str) -> None:
        """The caller types a line."""
        for on_text in self._listeners.text:
            on_text(line)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._listeners.clear()

    def _tick(self) -> None:
        self._next_at += PACKET_S
        self._timer = self._loop.call_at(self._next_at, self._tick)
        now = self._loop.time()
        if self._queue:
            payload = bytes(self._queue[:PACKET_TICKS])
            del self._queue[:PACKET_TICKS]
            ordinal, self._sent_ticks = self._sent_ticks, self._sent_ticks + len(payload)
            for on_sent in self._listeners.sent:
                on_sent(payload, ordinal, now)
            if not self._queue:
                for on_drained in self._listeners.drained:
                    on_drained()
        pcm = self._caller.popleft() if self._caller else _SILENCE
        at, self.received_ticks = self.received_ticks, self.received_ticks + PACKET_TICKS
        for on_audio in self._listeners.audio:
            on_audio(pcm, at, now)

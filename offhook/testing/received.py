"""What a caller received, in its place in time, and when the bot was heard.

received = Received()
call.add_listener(received.on_audio)  # of a `Caller` or a `Carrier`
...
received.spurts()  # [(began_at, ended_at), …] in monotonic seconds
"""

import numpy as np

RATE_HZ = 8_000
LOUD = 600
"""Of 32767, about -35 dBFS: speech or a tone, not the noise of a line."""

_BLOCK = 80
"""Samples that are loud or not: 10 ms."""


class Received:
    """The audio of one call, at 8 kHz; silence where nothing came."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self._first_tick: int | None = None
        self._starts_at = 0.0

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        """More of it: see AudioHandler."""
        if self._first_tick is None:
            self._first_tick, self._starts_at = at_tick, at_s - len(pcm) / 2 / RATE_HZ
        at = 2 * max(0, at_tick - self._first_tick)
        self._pcm.extend(bytes(max(0, at + len(pcm) - len(self._pcm))))
        self._pcm[at : at + len(pcm)] = pcm

    @property
    def pcm(self) -> bytes:
        """All of it."""
        return bytes(self._pcm)

    def until(self, at: float) -> bytes:
        """What was heard until `at` (monotonic seconds)."""
        return bytes(self._pcm[: 2 * max(0, round((at - self._starts_at) * RATE_HZ))])

    def between(self, began_at: float, ended_at: float) -> bytes:
        """What was heard in between."""
        return self.until(ended_at)[len(self.until(began_at)) :]

    def spurts(self, pause_s: float = 0.0) -> list[tuple[float, float]]:
        """When the bot was heard, from and to; pauses that are shorter than `pause_s` are part of it."""
        samples = np.frombuffer(bytes(self._pcm[: len(self._pcm) // (2 * _BLOCK) * (2 * _BLOCK)]), "<i2").astype(int)
        loud = np.abs(samples).reshape(-1, _BLOCK).max(axis=1) > LOUD
        edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(int), [0]))))
        found: list[tuple[float, float]] = []
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            began, ended = (self._starts_at + int(edge) * _BLOCK / RATE_HZ for edge in (first, last))
            if found and began - found[-1][1] < pause_s:
                found[-1] = found[-1][0], ended
            else:
                found.append((began, ended))
        return found

    def silences(self, began_at: float, ended_at: float) -> list[float]:
        """How long each silence between the two moments (monotonic seconds) was, in seconds."""
        heard_to, found = began_at, []
        for began, ended in self.spurts():
            if ended <= began_at or began >= ended_at:
                continue
            found.append(max(0.0, began - heard_to))
            heard_to = max(heard_to, ended)
        return [*found, max(0.0, ended_at - heard_to)]

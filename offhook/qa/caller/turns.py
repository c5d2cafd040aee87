"""When the far end speaks: turns by level, from what comes packet by packet. Pure."""

import math
from collections import deque
from dataclasses import dataclass

from offhook.telephony.pcm import RATE_HZ, audioop

LOUD = 600
"""Of 32767, about -35 dBFS: speech or a tone, not the noise of a line."""

BLOCK = 80
BLOCK_S = BLOCK / RATE_HZ

ONSET_BLOCKS, ONSET_S = 3, 0.1
"""So much of it is loud within this time when speech begins: a click is none."""

ANSWER_PAUSE_S = 0.25
"""The pause before an answer to what the caller has said meanwhile: shorter than one between sentences."""

KEY_PAUSE_S, KEY_STOP_S = 0.15, 0.5
"""The pause before an answer to a key, which is understood at once, where the far end stops so soon after the key:
shorter than many within a sentence."""


def loud_blocks(pcm: bytes) -> list[bool]:
    """Whether each block of 10 ms is loud; the last one may be shorter. A constant offset is no sound."""
    return [_is_loud(pcm[at : at + 2 * BLOCK]) for at in range(0, len(pcm), 2 * BLOCK)]


def _is_loud(block: bytes) -> bool:
    # Not by numpy, which takes ten times as long for so few samples.
    low, high = audioop.minmax(block, 2)
    return high - low > 2 * LOUD


@dataclass(slots=True)
class Turn:
    """Something that the far end said: when it was heard (monotonic seconds), and where, in ticks of the audio."""

    number: int
    began_s: float
    ended_s: float
    began_tick: int
    ended_tick: int


class TurnMeter:
    """Divides what is heard into turns: `hear` each packet, `handle_timer` at `get_timer`."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._blocks: deque[tuple[float, int]] = deque(maxlen=ONSET_BLOCKS)  # loud ones of no turn yet
        self._current: Turn | None = None
        self._answers = False
        self._stops_by_s = -math.inf
        self.turns: list[Turn] = []
        """All that have begun."""

    @property
    def current(self) -> Turn | None:
        """The turn that is not over."""
        return self._current

    def caller_speaks(self, began_s: float, *, by_keys: bool = False) -> None:
        """The caller has begun to speak or to press: what comes after a short pause is another turn."""
        self._answers = True
        self._stops_by_s = began_s + KEY_STOP_S if by_keys else -math.inf

    def hear(self, pcm: bytes, at_tick: int, at_s: float) -> tuple[Turn | None, Turn | None]:
        """A packet: what arrived at `at_s` is heard from then on. Returns the turn that is over, and that which has
        begun."""
        over = began = None
        for number, loud in enumerate(loud_blocks(pcm)):
            if loud:
                ended, begun = self._loud(at_s + number * BLOCK_S, at_tick + number * BLOCK)
                over, began = ended or over, begun or began
        return over, began

    def get_timer(self) -> float | None:
        """When the current turn is over if nothing more comes."""
        return None if self._current is None else self._current.ended_s + self._limit_s

    def handle_timer(self, now: float) -> Turn | None:
        """The turn that is over, if one is."""
        if self._current is None or now < self._current.ended_s + self._limit_s:
            return None
        return self.flush()

    def flush(self) -> Turn | None:
        """The call is over, and so is the turn."""
        over, self._current = self._current, None
        return over

    @property
    def _limit_s(self) -> float:
        if not self._answers:
            return self._pause_s
        stopped = self._current is not None and self._current.ended_s <= self._stops_by_s
        return KEY_PAUSE_S if stopped else ANSWER_PAUSE_S

    def _loud(self, at_s: float, tick: int) -> tuple[Turn | None, Turn | None]:
        over = None
        if self._current is not None:
            if at_s - self._current.ended_s < self._limit_s:
                self._current.ended_s, self._current.ended_tick = at_s + BLOCK_S, tick + BLOCK
                return None, None
            over = self.flush()
        self._blocks.append((at_s, tick))
        if len(self._blocks) < ONSET_BLOCKS or at_s - self._blocks[0][0] > ONSET_S:
            return over, None
        began_s, began_tick = self._blocks[0]
        began = Turn(len(self.turns), began_s, at_s + BLOCK_S, began_tick, tick + BLOCK)
        self._blocks.clear()
        self._answers = False
        self._current = began
        self.turns.append(began)
        return over, began

"""How thresholds would have done on recorded calls: cut-offs against delay, and false stops against talk-over."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from offhook.flight.speech import sounds_in
from offhook.flight.what_if import RecordedCall, same_sound
from offhook.records.cdr import percentile


@dataclass(frozen=True, slots=True)
class EndpointPoint:
    """A silence, and what it does: `cut` of `turns` are cut off; waits are from the last sound to the decision."""

    silence_ms: int
    turns: int
    cut: int
    cut_low_percent: float
    cut_high_percent: float
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    added_ms: float | None
    """The mean wait, compared with the calls as they were."""


@dataclass(frozen=True, slots=True)
class InterruptPoint:
    """How long speech must last to interrupt, and what that does to the sounds over the bot: `false_stops` of `noises`
    take the floor, `missed` of `speeches` do not, and the others talk over the bot for so long."""

    min_speech_ms: int
    noises: int
    false_stops: int
    speeches: int
    missed: int
    talk_over_p50_ms: float | None
    talk_over_p95_ms: float | None


def endpoint_curve(calls: Sequence[RecordedCall], silences_ms: Sequence[int]) -> list[EndpointPoint]:
    """The turns of the calls, with each silence in place of theirs."""
    found = []
    for silence_ms in silences_ms:
        pairs = [(turn, call.end_with(turn, silence_ms, own=False)) for call in calls for turn in call.turns]
        ends = [(turn, end) for turn, end in pairs if end is not None]
        waits = [end.wait_ms for _, end in ends]
        cut = sum(end.cut for _, end in ends)
        added = [end.wait_ms - turn.end.wait_ms for turn, end in ends]
        low, high = interval_percent(cut, len(ends))
        mean = sum(added) / len(added) if added else None
        found.append(
            EndpointPoint(silence_ms, len(ends), cut, low, high, percentile(waits, 50), percentile(waits, 95), mean)
        )
    return found


def interrupt_curve(calls: Sequence[RecordedCall], least_ms: Sequence[int]) -> list[InterruptPoint]:
    """The sounds over the bot, with each length in place of `vad.min_speech_ms`."""
    found = []
    for min_speech_ms in least_ms:
        noises: list[float | None] = []
        speeches: list[float | None] = []
        for call in calls:
            if not call.over_bot:
                continue
            sounds = sounds_in(call.inputs_of(replace(call.log.gate, min_speech_ms=min_speech_ms)))
            for each in call.over_bot:
                after_ms = each.stops_after_ms(same_sound(sounds, each.sound))
                if after_ms is None and each.sound.ended_at is None:
                    continue  # the call ended meanwhile: it might have gone on for long enough
                (speeches if each.words else noises).append(after_ms)
        stopped = [after_ms for after_ms in speeches if after_ms is not None]
        found.append(
            InterruptPoint(
                min_speech_ms,
                len(noises),
                sum(after_ms is not None for after_ms in noises),
                len(speeches),
                len(speeches) - len(stopped),
                percentile(stopped, 50),
                percentile(stopped, 95),
            )
        )
    return found


def interval_percent(count: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate, in percent."""
    if not of:
        return 0.0, 100.0
    rate = count / of
    middle = (rate + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(rate * (1 - rate) / of + z * z / (4 * of * of))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)

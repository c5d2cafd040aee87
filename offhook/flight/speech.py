"""What the caller did in a recorded call: their speech, as it was detected, or as another gate would have."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from offhook.flight.reader import FlightLog
from offhook.flight.replay import Step
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.turn.tables import Floor
from offhook.pipeline.vad.gate import GateSettings, SpeechConfirmed, SpeechGate, SpeechStarted

DETECTED = ("speech_started", "speech_confirmed", "speech_stopped")

Input = tuple[float, str, list[Any]]
"""(when the core got it, its name, its arguments)."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One stretch of possible speech, in monotonic seconds; `confirmed_at` is None if it was too short."""

    began_at: float
    confirmed_at: float | None
    ended_at: float | None


def recorded_inputs(steps: Sequence[Step], began: float) -> list[Input]:
    """What the detector, the recogniser and an adviser said in the call. Times are monotonic."""
    wanted = (*DETECTED, "partial", "endpoint", "forced", "advised")
    return [(step.at + began, step.name, step.arguments) for step in steps if step.name in wanted]


def inputs_of_gate(log: FlightLog, steps: Sequence[Step], gate: GateSettings) -> list[Input]:
    """The same with speech as `gate` makes it of the recorded probabilities. These have 1/256 as their step."""
    times = [step.at + log.began for step in steps]
    speech, found = SpeechGate(gate), []
    for frame in log.frames():
        step = bisect_right(times, frame.at) - 1
        speech.low_threshold = step >= 0 and steps[step].after is Floor.SPEAKING
        zero_at = frame.at - (frame.at_tick + frame.samples) / TICK_HZ
        events = speech.push(frame.probability, frame.at_tick, frame.samples, frame.audible, frame.start, frame.end)
        for event in events:
            at = zero_at + event.at_tick / TICK_HZ
            if isinstance(event, SpeechStarted):
                found.append((frame.at, "speech_started", [at, frame.at]))
            elif isinstance(event, SpeechConfirmed):
                found.append((frame.at, "speech_confirmed", [frame.at]))
            else:
                found.append((frame.at, "speech_stopped", [at, event.confirmed, frame.at]))
    words: list[Input] = [each for each in recorded_inputs(steps, log.began) if each[1] not in DETECTED]
    return sorted([*found, *words], key=lambda each: each[0])


def sounds_in(inputs: Sequence[Input]) -> list[Sound]:
    """The stretches of possible speech."""
    found: list[Sound] = []
    began_at = confirmed_at = None
    for now, name, arguments in inputs:
        if name == "speech_started":
            began_at, confirmed_at = arguments[0], None
        elif name == "speech_confirmed":
            confirmed_at = now
        elif name == "speech_stopped" and began_at is not None:
            found.append(Sound(began_at, confirmed_at, arguments[0]))
            began_at = None
    if began_at is not None:
        found.append(Sound(began_at, confirmed_at, None))
    return found

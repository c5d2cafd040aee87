"""The figures of a call, by the names of `expect.MEASURES`: of some there are several. Pure.

Theory of operation. The far end begins to say something where a turn of it begins. One that goes on with its answer
without a pause makes one turn of what it was saying and of the answer; so it does too where one of the script's prompts
begins within a turn. Where the answer is no prompt that is known, there is nothing to know it by, and the response was
not measured.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from offhook.qa.verdict.observed import BotTurn, CallerSound, ObservedCall

PAUSE_S = 0.5
"""Who speaks so soon after the far end has interrupted it: it may only have drawn breath."""

KEY_S = 0.1
"""How long the caller presses each key."""

WITHIN_S = 0.1
"""A prompt that begins so soon after its turn is the beginning of that, by another way of measuring."""


class Figure(NamedTuple):
    """A value, and when it was measured (seconds since the INVITE; None: of the whole call)."""

    value: float
    at_s: float | None


def figures(call: ObservedCall, name: str) -> list[Figure]:
    """All values of a measure; none if it was not measured. KeyError for an unknown name."""
    return list(_MEASURED[name](call))


_Values = Iterator[Figure]


def _answer(call: ObservedCall) -> _Values:
    if call.answered_s is not None:
        yield Figure(1_000 * call.answered_s, call.answered_s)


def _first_sound(call: ObservedCall) -> _Values:
    if call.answered_s is not None and call.turns:
        yield Figure(max(0.0, 1_000 * (call.turns[0].began_s - call.answered_s)), call.turns[0].began_s)


def _responses(call: ObservedCall) -> _Values:
    """Each from the last sound of the caller before it; what was interrupted is no response."""
    for sound, until_s in _spoken(call):
        at_s = _answered_s(call, sound)
        if at_s < until_s:
            yield Figure(max(0.0, 1_000 * (at_s - sound.ended_s)), at_s)


def _answered_s(call: ObservedCall, sound: CallerSound) -> float:
    """When the far end began to say something after a sound, a turn or a prompt within one; never, if it did not. An
    answer to a key may begin before that is released."""
    from_s = sound.ended_s - (KEY_S if sound.kind == "keys" else 0.0)
    # A prompt that begins a moment after the turn was not begun with it if the sound came between the two.
    begun_s = (at_s for each in call.turns for at_s in (each.began_s, *each.prompts_began_s) if at_s < each.ended_s)
    return min((at_s for at_s in begun_s if at_s >= from_s), default=math.inf)


def _within(turn: BotTurn) -> list[float]:
    return [each for each in turn.prompts_began_s if turn.began_s + WITHIN_S < each < turn.ended_s]


def _spoken(call: ObservedCall) -> Iterator[tuple[CallerSound, float]]:
    """What the caller said or pressed, and until when an answer is one to that: the next sound, or never."""
    following = [*(each.began_s for each in call.sounds[1:]), math.inf]
    return ((sound, at_s) for sound, at_s in zip(call.sounds, following, strict=False) if sound.kind != "mumble")


def unanswered(call: ObservedCall) -> list[tuple[CallerSound, float]]:
    """What the caller said or pressed last before a silence of the far end, and how long that lasted, in seconds, until
    the caller's next sound or the end."""
    found = []
    for sound, next_s in _spoken(call):
        until_s = min(next_s, call.ended_s)
        if _answered_s(call, sound) >= until_s and not _goes_on(call, sound):
            found.append((sound, until_s - sound.ended_s))
    return found


def unmeasured(call: ObservedCall) -> list[CallerSound]:
    """What the caller said or pressed while the far end spoke, which went on without anything that could be known for
    the answer."""
    return [each for each, until_s in _spoken(call) if _goes_on(call, each) and _answered_s(call, each) >= until_s]


def _goes_on(call: ObservedCall, sound: CallerSound) -> bool:
    return any(each.began_s < sound.ended_s < each.ended_s for each in call.turns)


def interruptions(call: ObservedCall) -> list[tuple[CallerSound, BotTurn]]:
    """What the caller said or pressed while the far end spoke."""
    found = []
    for sound in call.sounds:
        over = [each for each in call.turns if each.began_s < sound.began_s < each.ended_s + PAUSE_S]
        if over and sound.kind != "mumble":
            found.append((sound, over[-1]))
    return found


def _barge_ins(call: ObservedCall) -> _Values:
    for sound, turn in interruptions(call):
        ended_s = min((turn.ended_s, *(each for each in _within(turn) if each >= sound.began_s)))
        yield Figure(max(0.0, 1_000 * (ended_s - sound.began_s)), sound.began_s)


def _gaps(call: ObservedCall) -> _Values:
    for gap in call.gaps:
        yield Figure(gap.gap_ms, gap.at_s)
    if call.turns and not call.gaps:
        yield Figure(0.0, None)


def _missing_starts(call: ObservedCall) -> _Values:
    for turn in call.turns:
        for _, missing_ms in turn.prompts:
            yield Figure(missing_ms, turn.began_s)


def _clipping(call: ObservedCall) -> _Values:
    if call.turns:
        yield Figure(call.media.clipping_percent, None)


def _levels(call: ObservedCall) -> _Values:
    for turn in call.turns:
        yield Figure(turn.level_dbfs, turn.began_s)


def _loss(call: ObservedCall) -> _Values:
    if call.media.packets:
        yield Figure(call.media.loss_percent, None)


def _jitter(call: ObservedCall) -> _Values:
    if call.media.packets:
        yield Figure(call.media.jitter_ms, None)


def _drift(call: ObservedCall) -> _Values:
    """Two standard errors less: a short call cannot tell more."""
    if call.media.drift_ppm is not None:
        yield Figure(max(0.0, abs(call.media.drift_ppm) - 2 * call.media.drift_error_ppm), None)


def _repeated(call: ObservedCall) -> _Values:
    for each in call.repeated:
        yield Figure(each.repeated_ms, each.at_s)
    if call.turns and not call.repeated:
        yield Figure(0.0, None)


def _speech(call: ObservedCall) -> _Values:
    yield Figure(sum(each.ended_s - each.began_s for each in call.turns), None)


_MEASURED: dict[str, Callable[[ObservedCall], _Values]] = {
    "answer_ms": _answer,
    "first_sound_ms": _first_sound,
    "response_ms": _responses,
    "barge_in_ms": _barge_ins,
    "gap_ms": _gaps,
    "prompt_start_missing_ms": _missing_starts,
    "clipping_percent": _clipping,
    "level_dbfs": _levels,
    "loss_percent": _loss,
    "jitter_ms": _jitter,
    "drift_ppm": _drift,
    "repeated_ms": _repeated,
    "speech_s": _speech,
}

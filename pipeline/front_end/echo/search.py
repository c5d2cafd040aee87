"""Is what was received an echo of what was sent? The questions that the echo guard asks of its history."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from offhook.pipeline.front_end.echo.history import KEPT_SAMPLES, LONGEST_LAG_SAMPLES, TAPS, EchoHistory, mean_powers
from offhook.pipeline.front_end.echo.path import (
    BEFORE_SAMPLES,
    EchoPath,
    Floats,
    best_scale,
    fit,
    likely_lags,
    windows,
)

WINDOW_SAMPLES = 2_400  # 300 ms, by which a first candidate is judged
RECENT_SAMPLES = 512  # of it, what the candidate is about
FIRST_TAPS = 160  # 20 ms: as many as so little speech can tell
CANDIDATES = 3  # voiced speech repeats itself: the right lag may be the second best

BLOCK_SAMPLES = 64
LATELY = 12  # blocks, 96 ms
BLOCKS = 24  # 192 ms of evidence
NOISE_MARGIN = 6.0  # 8 dB: what is less above the noise says nothing
AUDIBLE_MARGIN = 1.5  # … as a test of a path, that is: what one leaves is more than that
SILENT_POWER = 100.0  # of a sample: -70 dBFS
FAR_LOUDER = 4.0  # 6 dB above the echo

MOVED_SAMPLES = 768  # 96 ms, by which a known path is found to have changed
MOVED_RESIDUAL = 0.25  # … only its delay and level: two numbers fitted
CHANGED_SAMPLES = 1_280
CHANGED_RESIDUAL = 0.15  # … altogether: 160 numbers fitted
NEW_CHANGED_RESIDUAL = 0.25  # … as long as the path is not proven: the first one is often only roughly right
IMPROVEMENT = 0.5  # of what was left before: a change that does not explain much more is none
LATEST_SAMPLES = 1_280

POWER_SAMPLES = 160
LAG_POWERS = LONGEST_LAG_SAMPLES // POWER_SAMPLES
CLEAR_POWERS = 9  # 180 ms before a candidate: they may be the sound that raised it
LEAST_POWERS = 4  # 80 ms at least, to say that nothing came back
NOW_POWERS = 4
SPREAD_POWERS = 3  # so much longer than a sound may its echo be
STEADY_POWERS = 15
STEADY_RATIO = 4.0
STEADY_SHARE = 0.1  # of steady noise: an echo in it is 10 dB below, or it would not be steady
LOUDER = 4.0

Evidence = npt.NDArray[np.int8]
Lags = npt.NDArray[np.bool_]
_ANY_LAG: Lags = np.ones(LONGEST_LAG_SAMPLES, np.bool_)


@dataclass(frozen=True, slots=True)
class Finding:
    """A path, and how much of the energy above the noise it leaves unexplained: lately, and of the whole window."""

    path: EchoPath
    recent: float
    whole: float


def first_paths(history: EchoHistory, end: int, possible: Lags) -> list[Finding] | None:
    """The paths that explain the audio up to `end`, at some of the `possible` lags, the best first.

    Judged by what came after the latest loss; None where that is too little to judge by.
    """
    lost = history.lost_span(end - KEPT_SAMPLES, end)
    start = end - WINDOW_SAMPLES if lost is None else max(end - WINDOW_SAMPLES, lost[1])
    if end - start < RECENT_SAMPLES:
        return None
    return _best_paths(history, history.audio(start, end), end, history.noise_power(), possible)


def unexplained(history: EchoHistory, path: EchoPath, start: int, end: int) -> float | None:
    """How much the path leaves of what was received from `start` on; None where that was next to nothing.

    For audio that the path was solved for this says little: 160 taps explain a vowel, whoever said it. They do not
    explain what comes after it.
    """
    received = history.audio(start, end)
    noise = history.noise_power()
    if _energy(received) < max(AUDIBLE_MARGIN * noise, SILENT_POWER) * len(received):
        return None
    return _share(received - history.echo(path, start, end), received, noise)


def most_returned(history: EchoHistory, end: int) -> Floats | None:
    """By lag, in steps of 20 ms: the most power that can have come back of the power that was sent; infinite where
    nothing had been, None before there is anything to judge by.

    A line returns all that is said or nothing, so this follows from how little was received until shortly before `end`.
    """
    blocks = (end - max(history.audible_since, end - KEPT_SAMPLES)) // POWER_SAMPLES
    clear = blocks - CLEAR_POWERS
    if clear < LEAST_POWERS:
        return None
    start, stop = end - blocks * POWER_SAMPLES, end - CLEAR_POWERS * POWER_SAMPLES
    received = mean_powers(history.audio(start, stop), POWER_SAMPLES)
    sent = mean_powers(history.reference(start - (LAG_POWERS + 1) * POWER_SAMPLES, stop), POWER_SAMPLES)
    returned = float(received.sum())
    if clear >= STEADY_POWERS and float(received.max()) < STEADY_RATIO * float(received.min()):
        returned = clear * STEADY_SHARE * float(received.min())  # noise: an echo of speech is not steady
    sums = np.concatenate(([0.0], np.cumsum(sent)))
    starts = LAG_POWERS + 1 - np.arange(LAG_POWERS + 1)
    said = sums[starts + clear] - sums[starts]
    said = np.minimum(said[:-1], said[1:])  # a lag is rarely a whole number of these
    return np.where(said > 0.0, (returned + clear) / np.maximum(said, 1.0), np.inf).astype(np.float32)


def possible_lags(history: EchoHistory, end: int, returned: Floats | None) -> Lags:
    """By lag in samples: can this be an echo that comes so late? Not where it is far louder than what is `returned`."""
    if returned is None:
        return _ANY_LAG
    span = NOW_POWERS + SPREAD_POWERS
    sent = mean_powers(history.reference(end - (LAG_POWERS + span) * POWER_SAMPLES, end), POWER_SAMPLES)
    loudest = windows(sent, span).max(axis=1)[::-1][:LAG_POWERS]
    now = float(mean_powers(history.audio(end - NOW_POWERS * POWER_SAMPLES, end), POWER_SAMPLES).max())
    bound = LOUDER * np.where(np.isfinite(returned), returned, 0.0) * loudest
    return np.repeat(np.isinf(returned) | (now <= bound), POWER_SAMPLES)


def evidence(history: EchoHistory, paths: list[EchoPath], residual: float, end: int) -> Evidence:
    """By block of the latest 192 ms: 0 explained by one of the paths, 1 not explained, 2 far louder than echo lately.

    `residual` is what a path leaves of its echo's energy when nobody speaks.
    """
    start = end - BLOCKS * BLOCK_SAMPLES
    received = history.audio(start, end)
    received_powers = mean_powers(received, BLOCK_SAMPLES)
    audible = max(NOISE_MARGIN * history.noise_power(), SILENT_POWER)
    result = np.full(BLOCKS, 2, np.int8)
    for path in paths:
        echo = history.echo(path, start - LATELY * BLOCK_SAMPLES, end)
        powers = mean_powers(echo, BLOCK_SAMPLES)
        power, echo = powers[LATELY:], echo[LATELY * BLOCK_SAMPLES :]
        # Where the echo is missing, because packets are, nobody speaks: never more is left than was received.
        left = np.minimum(mean_powers(received - echo, BLOCK_SAMPLES), received_powers)
        around = power.copy()  # an echo's edges are never quite where they are expected
        around[1:] = np.maximum(around[1:], power[:-1])
        around[:-1] = np.maximum(around[:-1], power[1:])
        around[2:] = np.maximum(around[2:], 0.5 * power[:-2])
        least = np.maximum(residual * around, audible)
        # A lost packet is concealed by what was before it, and so is no louder than that.
        lately = windows(powers, LATELY + 1).max(axis=1)
        speech = (left > least).astype(np.int8) + (left > np.maximum(least, FAR_LOUDER * lately))
        result = np.minimum(result, speech)
    return result


def moved_path(history: EchoHistory, paths: list[EchoPath], end: int, *, proven: bool) -> EchoPath | None:
    """Where a known path has changed in delay, level or shape: the path that explains the latest audio now."""
    received = history.audio(end - MOVED_SAMPLES, end)
    noise = history.noise_power()
    limit = IMPROVEMENT * min(
        _share(received - history.echo(path, end - MOVED_SAMPLES, end), received, noise) for path in paths
    )
    best: EchoPath | None = None
    template = paths[0].predict(history.reference(end - MOVED_SAMPLES - LONGEST_LAG_SAMPLES - TAPS, end))
    for samples, bound in ((MOVED_SAMPLES, MOVED_RESIDUAL), (RECENT_SAMPLES, CHANGED_RESIDUAL)):
        lag, _ = best_scale(template[MOVED_SAMPLES - samples :], received[-samples:])
        moved = EchoPath(lag, paths[0].taps)
        left = _share(received[-samples:] - history.echo(moved, end - samples, end), received[-samples:], noise)
        if left < min(limit, bound):
            best, limit = moved, left
    # So many taps explain a vowel of 100 ms, whoever said it; they do not explain two sounds.
    changed = _best_paths(history, history.audio(end - CHANGED_SAMPLES, end), end, noise, _ANY_LAG)
    if changed and changed[0].whole < min(limit, CHANGED_RESIDUAL if proven else NEW_CHANGED_RESIDUAL):
        best = changed[0].path
    return best


def refined_path(history: EchoHistory, paths: list[EchoPath], end: int) -> tuple[EchoPath, float]:
    """The best of `paths`, solved for anew over all that is remembered, and what it leaves."""
    window = min(KEPT_SAMPLES, max(LATEST_SAMPLES, end - history.audible_since))
    received = history.audio(end - window, end)
    lefts = [received - history.echo(path, end - window, end) for path in paths]
    lost = history.lost_span(end - window, end)
    missing = slice(0, 0) if lost is None else slice(lost[0] - end + window, lost[1] - end + window)
    for left in lefts:
        left[missing] = 0.0
    best = min(range(len(paths)), key=lambda index: _energy(lefts[index][-LATEST_SAMPLES:]))
    path, left = paths[best], lefts[best]
    received[missing] = history.echo(path, end - window, end)[missing]  # what was lost teaches nothing
    main_lag = path.lag + BEFORE_SAMPLES
    reference = history.reference(end - window - main_lag - 2 * TAPS, end)
    solved = fit(reference, received, main_lag, TAPS)
    if solved is not None:
        solved_left = received - history.echo(solved, end - window, end)
        better = _energy(solved_left) < _energy(left)
        better = better and _energy(solved_left[-LATEST_SAMPLES:]) <= _energy(left[-LATEST_SAMPLES:])
        if better:
            path, left = solved, solved_left
    return path, _share(left, received, history.noise_power())


def _best_paths(history: EchoHistory, received: Floats, end: int, noise: float, possible: Lags) -> list[Finding]:
    start = end - len(received)
    reference = history.reference(start - LONGEST_LAG_SAMPLES - FIRST_TAPS, end)
    findings = []
    for lag in likely_lags(reference, received, CANDIDATES, possible):
        path = fit(reference, received, lag, FIRST_TAPS)
        if path is not None:
            left = received - history.echo(path, start, end)
            recent = _share(left[-RECENT_SAMPLES:], received[-RECENT_SAMPLES:], noise)
            findings.append(Finding(path, recent, _share(left, received, noise)))
    return sorted(findings, key=lambda finding: finding.whole)


def _energy(audio: Floats) -> float:
    return float(audio @ audio)


def _share(left: Floats, received: Floats, noise: float) -> float:
    """Of the energy above the noise: what is left."""
    floor = noise * len(received)
    return max(0.0, _energy(left) - floor) / max(_energy(received) - floor, 1.0)

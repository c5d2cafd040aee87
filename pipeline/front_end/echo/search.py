"""Searches the history for echo: whether what was received can be an echo of what was sent, and by which path."""

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

WINDOW_SAMPLES = 2_400  # 300 ms, over which a first candidate is judged
RECENT_SAMPLES = 512  # the latest part of that, with the candidate itself
FIRST_TAPS = 160  # 20 ms: the most that so little speech can determine
CANDIDATES = 3  # voiced speech repeats itself: the right lag may only be the second best

BLOCK_SAMPLES = 64
LATELY = 12  # blocks, 96 ms
BLOCKS = 24  # 192 ms of evidence
NOISE_MARGIN = 6.0  # 8 dB: anything less above the noise is inconclusive
AUDIBLE_MARGIN = 1.5  # … as a test of a path: what it leaves is above that
SILENT_POWER = 100.0  # per sample: -70 dBFS
FAR_LOUDER = 4.0  # 6 dB above the echo

MOVED_SAMPLES = 768  # 96 ms, over which a known path is found to have changed
MOVED_RESIDUAL = 0.25  # … only its delay and level: two numbers fitted
CHANGED_SAMPLES = 1_280
CHANGED_RESIDUAL = 0.15  # … entirely: 160 numbers fitted
NEW_CHANGED_RESIDUAL = 0.25  # … while the path is unproven: the first one is often only approximate
IMPROVEMENT = 0.5  # share of the previous residual: a change must explain much more
LATEST_SAMPLES = 1_280

POWER_SAMPLES = 160
LAG_POWERS = LONGEST_LAG_SAMPLES // POWER_SAMPLES
CLEAR_POWERS = 9  # 180 ms before a candidate: they may belong to the sound that raised it
LEAST_POWERS = 4  # at least 80 ms, to conclude that nothing came back
NOW_POWERS = 4
SPREAD_POWERS = 3  # how much longer than a sound its echo may be
STEADY_POWERS = 15
STEADY_RATIO = 4.0
STEADY_SHARE = 0.1  # of steady noise: an echo in it is 10 dB below, or it would not be steady
LOUDER = 4.0

Evidence = npt.NDArray[np.int8]
Lags = npt.NDArray[np.bool_]
_ANY_LAG: Lags = np.ones(LONGEST_LAG_SAMPLES, np.bool_)


@dataclass(frozen=True, slots=True)
class Finding:
    """A path, and the share of the energy above the noise that it leaves unexplained: recently, and over the whole
    window."""

    path: EchoPath
    recent: float
    whole: float


def first_paths(history: EchoHistory, end: int, possible: Lags) -> list[Finding] | None:
    """The paths that explain the audio up to `end`, at any of the `possible` lags, the best first.

    Judged by the audio after the latest loss; None if that is too little.
    """
    lost = history.lost_span(end - KEPT_SAMPLES, end)
    start = end - WINDOW_SAMPLES if lost is None else max(end - WINDOW_SAMPLES, lost[1])
    if end - start < RECENT_SAMPLES:
        return None
    return _best_paths(history, history.audio(start, end), end, history.noise_power(), possible)


def unexplained(history: EchoHistory, path: EchoPath, start: int, end: int) -> float | None:
    """The share that the path leaves of the audio from `start` on; None if that was next to nothing.

    For the audio that the path was solved for this says little: 160 taps can explain any vowel, but not the audio after
    it.
    """
    received = history.audio(start, end)
    noise = history.noise_power()
    if _energy(received) < max(AUDIBLE_MARGIN * noise, SILENT_POWER) * len(received):
        return None
    return _share(received - history.echo(path, start, end), received, noise)


def most_returned(history: EchoHistory, end: int) -> Floats | None:
    """By lag, in steps of 20 ms: an upper limit for the power returned per power sent; infinite where nothing had been
    sent, None while there is too little data.

    A line either returns everything that is said or nothing, so this follows from how little was received until shortly
    before `end`.
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
    said = np.minimum(said[:-1], said[1:])  # a lag is rarely a whole number of steps
    return np.where(said > 0.0, (returned + clear) / np.maximum(said, 1.0), np.inf).astype(np.float32)


def possible_lags(history: EchoHistory, end: int, returned: Floats | None) -> Lags:
    """By lag in samples: whether this can be an echo with that delay. It cannot if it is far louder than `returned`."""
    if returned is None:
        return _ANY_LAG
    span = NOW_POWERS + SPREAD_POWERS
    sent = mean_powers(history.reference(end - (LAG_POWERS + span) * POWER_SAMPLES, end), POWER_SAMPLES)
    loudest = windows(sent, span).max(axis=1)[::-1][:LAG_POWERS]
    now = float(mean_powers(history.audio(end - NOW_POWERS * POWER_SAMPLES, end), POWER_SAMPLES).max())
    bound = LOUDER * np.where(np.isfinite(returned), returned, 0.0) * loudest
    return np.repeat(np.isinf(returned) | (now <= bound), POWER_SAMPLES)


def evidence(history: EchoHistory, paths: list[EchoPath], residual: float, end: int) -> Evidence:
    """Per block of the latest 192 ms: 0 explained by one of the paths, 1 not explained, 2 far louder than recent echo.

    `residual` is the share of its echo's energy that a path leaves when nobody speaks.
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
        # If the echo is missing because packets are, nobody speaks: limit the remainder to what was received.
        left = np.minimum(mean_powers(received - echo, BLOCK_SAMPLES), received_powers)
        around = power.copy()  # the edges of an echo are never exactly where expected
        around[1:] = np.maximum(around[1:], power[:-1])
        around[:-1] = np.maximum(around[:-1], power[1:])
        around[2:] = np.maximum(around[2:], 0.5 * power[:-2])
        least = np.maximum(residual * around, audible)
        # A lost packet is concealed with earlier audio, and so is not louder than that.
        lately = windows(powers, LATELY + 1).max(axis=1)
        speech = (left > least).astype(np.int8) + (left > np.maximum(least, FAR_LOUDER * lately))
        result = np.minimum(result, speech)
    return result


def left_by(history: EchoHistory, paths: list[EchoPath], end: int) -> float:
    """The share of the latest 192 ms that the best of the known paths leaves."""
    start = end - BLOCKS * BLOCK_SAMPLES
    received, noise = history.audio(start, end), history.noise_power()
    return min(_share(received - history.echo(path, start, end), received, noise) for path in paths)


def moved_path(history: EchoHistory, paths: list[EchoPath], end: int, *, proven: bool) -> EchoPath | None:
    """If a known path has changed in delay, level or shape: the path that explains the latest audio now."""
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
    # So many taps can explain any vowel of 100 ms; they cannot explain two sounds.
    changed = _best_paths(history, history.audio(end - CHANGED_SAMPLES, end), end, noise, _ANY_LAG)
    if changed and changed[0].whole < min(limit, CHANGED_RESIDUAL if proven else NEW_CHANGED_RESIDUAL):
        best = changed[0].path
    return best


def refined_path(history: EchoHistory, paths: list[EchoPath], end: int) -> tuple[EchoPath, float]:
    """The best of `paths`, solved for again over the whole history, and its residual."""
    window = min(KEPT_SAMPLES, max(LATEST_SAMPLES, end - history.audible_since))
    received = history.audio(end - window, end)
    lefts = [received - history.echo(path, end - window, end) for path in paths]
    lost = history.lost_span(end - window, end)
    missing = slice(0, 0) if lost is None else slice(lost[0] - end + window, lost[1] - end + window)
    for left in lefts:
        left[missing] = 0.0
    best = min(range(len(paths)), key=lambda index: _energy(lefts[index][-LATEST_SAMPLES:]))
    path, left = paths[best], lefts[best]
    received[missing] = history.echo(path, end - window, end)[missing]  # lost audio must not be learned from
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
    """The share of the energy above the noise that is left."""
    floor = noise * len(received)
    return max(0.0, _energy(left) - floor) / max(_energy(received) - floor, 1.0)

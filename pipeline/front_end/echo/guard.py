"""Keeps the bot's echo from counting as the caller's speech: an echo guard that checks only candidates for speech.

Theory of operation. A phone line returns what is sent into it, from the far hybrid or a loudspeaker: 20 to 500 ms later
plus the network's delay, 6 to 30 dB weaker, filtered, coded twice. A detector finds speech in it, because it is speech.
The guard keeps the last seconds of what was sent. When the detector proposes speech while an echo can be audible (a
candidate), the guard determines how much of the latest received audio can be explained by what was sent, through one
delay and one short filter.

With no path known, the candidate is accepted at once if it is far louder than this line can return. Otherwise paths are
solved for. Filters of this length can explain the very vowel they were solved for, whether it is echo or not, so they
are hypotheses and the candidate waits, for 130 ms at most. A hypothesis that explains the audio after it is a path: a
caller's speech leaves at least about all of that energy unexplained, an echo next to none.

With a path known, its echo is subtracted from the audio for detector and recogniser (canceller.py), and a candidate is
accepted when the remainder stays unexplained for 120 ms, or 160 ms on a line that loses packets; while the path still
explains much of what was received, for longer.

Positions are samples of the caller's audio, at 8 kHz. While the bot is silent, the guard does nothing.
"""

from collections.abc import Callable
from enum import Enum

import numpy as np

from offhook.pipeline.front_end.cpu_budget import CpuBudget
from offhook.pipeline.front_end.echo.canceller import EchoCanceller
from offhook.pipeline.front_end.echo.history import EchoHistory
from offhook.pipeline.front_end.echo.path import EchoPath, Floats
from offhook.pipeline.front_end.echo.search import (
    Evidence,
    Lags,
    first_paths,
    left_by,
    most_returned,
    moved_path,
    possible_lags,
    unexplained,
)

LEAST_HOLD_SAMPLES = 512  # 64 ms: on an unknown line, one check or two are not enough
HOLD_SAMPLES = 1_040  # 130 ms; a candidate is not held back longer for lack of evidence
FORGET_SAMPLES = 2_560  # after a pause this long, the next candidate is a new one
TRUST_SAMPLES = 2_560  # an accepted caller is not checked strictly again for this long

HYPOTHESIS_RESIDUAL = 0.25  # share of the latest energy that a hypothesis may leave
SPEECH_RESIDUAL = 0.4  # if no path leaves less, it is not an echo
# Share of the energy after the audio that a hypothesis was solved for. Nine in ten checks of echoes leave less than the
# first bound, four in five checks of callers more than the second and one in a hundred less than the first.
PROVEN_RESIDUAL = 0.5
DISPROVEN_RESIDUAL = 1.2
DISPROOFS = 3  # this many are needed: one may be a lost packet, another the change from a vowel to a consonant
HYPOTHESIS_SAMPLES = 4_000  # for how long a hypothesis can be tested

SPEECH_EVIDENCE = 15  # 120 ms that no path explains, or half of it far louder; two lost packets are shorter
MORE_EVIDENCE = 20  # ... while the path is unproven, or on a line that loses packets
GAP_BLOCKS = 6  # 48 ms of nothing but echo: earlier evidence no longer counts
LASTING_BLOCKS, LASTING_OF = 5, 8  # it must still be going on
QUIET_EVIDENCE, QUIET_OF = 2, 12  # maximum: nothing there but echo
# What a known path leaves, as a share of what was received: a caller leaves nearly all. Less means that much of it is
# echo, and what remains is lost packets or a caller who is quieter than the echo. The caller still speaks later.
MOSTLY_ECHO = 0.55
MOSTLY_ECHO_HOLD_SAMPLES = 2_000  # 250 ms

LEARN_SAMPLES = 12_800  # of a prompt, after which the little that came back of it is remembered
SEARCH_S = 0.002  # approximate CPU time of a search


class _Verdict(Enum):
    ECHO = "echo"
    SPEECH = "speech"
    OPEN = "open"


class EchoGuard:
    """An EchoControl for one call. `decode` converts what the line sends to 16-bit PCM, one byte per sample; if the
    line sends something else, `encode` converts payloads to such bytes.

    The calls of a process share a `budget`; when it is used up, nothing is searched for and candidates are accepted.
    """

    def __init__(
        self,
        decode: Callable[[bytes], bytes],
        budget: CpuBudget | None = None,
        encode: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.checks = 0
        """Frames that had to be checked."""
        self._budget = budget or CpuBudget()
        self._history = EchoHistory(decode, encode)
        self.sent = self._history.sent
        self._canceller = EchoCanceller(self._history, self._budget)
        self._now_s = 0.0
        self._returned: Floats | None = None  # from the prompt that was learned from last
        self._learned_from = -1  # where that prompt began
        self._hypotheses: list[EchoPath] = []
        self._solved_at = 0  # where their audio ended
        self._disproofs = 0  # checks in which no hypothesis explained the audio after it
        self._held_since: int | None = None
        self._candidate_at = 0
        self._trusted_until = -1
        self._cannot_be_echo_of = -1  # the bot's stretch of speech of which this candidate cannot be an echo
        self._glitches = 0  # candidates too short for speech: packets lost in either direction

    @property
    def knows_path(self) -> bool:
        """Whether an echo has been found on this line."""
        return bool(self._canceller.paths)

    def sent_pcm(self, start: int, stop: int) -> bytes:
        """What the bot sent while these samples were received, as far as known."""
        return self._history.reference(start, stop).astype("<i2").tobytes()

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        """Take the caller's next 16-bit PCM, from `at_tick` until `at_s`; returns the same amount, without known
        echo."""
        self._now_s = at_s
        history, canceller = self._history, self._canceller
        if not history.received(pcm, at_tick, at_s):
            return pcm
        if canceller.paths:
            unproven = not canceller.proven
            pcm = canceller.subtract(pcm, at_s)
            if not canceller.paths:
                self._forget()
                if unproven:  # the next candidate has already waited for most of its limit
                    self._held_since = self._candidate_at - HOLD_SAMPLES // 2
            return pcm
        if history.audible_since != self._learned_from and history.end - history.audible_since >= LEARN_SAMPLES:
            self._learned_from = history.audible_since
            self._returned = most_returned(history, history.end)
        return pcm

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` is the caller's speech, given the detector's.

        Called only for frames that the gate would count as speech. `in_speech`: the gate is already open.
        """
        if not self._history.audible(end):
            return probability
        knew = self.knows_path
        if end - self._candidate_at > FORGET_SAMPLES and self._held_since is not None:
            self._held_since = None
            self._glitches += knew
        self._candidate_at = end
        sure = in_speech and self._cannot_be_echo_of == self._history.audible_since
        trusted = sure or end <= self._trusted_until
        if trusted and not knew:
            return probability
        self.checks += 1
        verdict = self._check_known_path(end, trusted) if knew else self._check_unknown_line(end, in_speech)
        if verdict is _Verdict.OPEN:
            self._held_since = end if self._held_since is None else self._held_since
        else:
            self._glitches += knew and self._held_since is not None and verdict is _Verdict.ECHO
            self._held_since = None
        if verdict is _Verdict.SPEECH:
            self._trusted_until = end + TRUST_SAMPLES
            return probability
        return 0.0

    def _check_unknown_line(self, end: int, in_speech: bool) -> _Verdict:
        """Check a candidate while no echo is known on this line."""
        self._cannot_be_echo_of = -1
        held_samples = 0 if self._held_since is None else end - self._held_since
        if held_samples == 0:
            self._disproofs = 0
        possible = possible_lags(self._history, end, self._most_returned(end))
        if not possible.any():
            self._hypotheses = []
            self._cannot_be_echo_of = self._history.audible_since
            return _Verdict.SPEECH
        tested = self._tested_hypotheses(end)
        proven = [path for left, path in tested if left < PROVEN_RESIDUAL]
        if proven:
            self._hypotheses = []
            self._canceller.start(proven)
            return _Verdict.ECHO
        self._disproofs += bool(tested) and tested[0][0] > DISPROVEN_RESIDUAL
        late = in_speech or self._disproofs >= DISPROOFS or held_samples >= HOLD_SAMPLES
        if late and not in_speech:  # too late to test a hypothesis
            return _Verdict.SPEECH
        open_or_speech = _Verdict.SPEECH if late else _Verdict.OPEN
        if not self._budget.take(SEARCH_S, self._now_s):
            return open_or_speech
        return _Verdict.SPEECH if self._search(end, possible) and held_samples >= LEAST_HOLD_SAMPLES else open_or_speech

    def _tested_hypotheses(self, end: int) -> list[tuple[float, EchoPath]]:
        """Hypotheses with the share they leave of the audio after the part they were solved for, the best first."""
        if end - self._solved_at > HYPOTHESIS_SAMPLES:
            self._hypotheses = []
        lefts = [(unexplained(self._history, path, self._solved_at, end), path) for path in self._hypotheses]
        return sorted(((left, path) for left, path in lefts if left is not None), key=lambda pair: pair[0])

    def _search(self, end: int, possible: Lags) -> bool:
        """Solve for hypotheses. True if it cannot be an echo."""
        findings = first_paths(self._history, end, possible)
        good = [
            one.path
            for one in findings or ()
            if one.recent < HYPOTHESIS_RESIDUAL and one.whole < 2 * HYPOTHESIS_RESIDUAL
        ]
        self._hypotheses = good or self._hypotheses  # a lost packet does not invalidate them
        self._solved_at = end
        other = findings is not None and all(one.recent > SPEECH_RESIDUAL for one in findings)
        return other and not self._hypotheses

    def _most_returned(self, end: int) -> Floats | None:
        """From this prompt and, for lags without data yet, from the previous one: lines rarely change."""
        now, before = most_returned(self._history, end), self._returned
        if now is None or before is None:
            return before if now is None else now
        return np.where(np.isfinite(now), now, before)

    def _check_known_path(self, end: int, trusted: bool) -> _Verdict:
        """Check a candidate while an echo is known and subtracted: whether the remainder contains speech."""
        canceller = self._canceller
        blocks = canceller.evidence(end)
        if trusted:
            return _Verdict.SPEECH if blocks[-LASTING_OF:].any() else _Verdict.ECHO
        if int(blocks[-QUIET_OF:].sum()) <= QUIET_EVIDENCE:
            return _Verdict.ECHO
        if not self._is_speech(blocks):
            return _Verdict.OPEN
        moved = moved_path(self._history, canceller.paths, end, proven=canceller.proven)
        if moved is not None:
            canceller.paths = [canceller.paths[0], moved]
            return _Verdict.ECHO
        held_samples = 0 if self._held_since is None else end - self._held_since
        if held_samples < MOSTLY_ECHO_HOLD_SAMPLES and left_by(self._history, canceller.paths, end) < MOSTLY_ECHO:
            return _Verdict.OPEN
        if not canceller.proven and not canceller.removes_energy:
            self._forget()
        return _Verdict.SPEECH

    def _is_speech(self, blocks: Evidence) -> bool:
        """Whether it is enough for speech, and not several lost packets in a row."""
        if np.count_nonzero(blocks[-LASTING_OF:]) < LASTING_BLOCKS:
            return False
        gap = max(np.flatnonzero(np.convolve(blocks == 0, np.ones(GAP_BLOCKS), "valid") == GAP_BLOCKS), default=0)
        patchy = bool(blocks[:gap].any())
        certain = self._canceller.proven and not patchy and not self._glitches
        return int(blocks[gap:].sum()) >= (SPEECH_EVIDENCE if certain else MORE_EVIDENCE)

    def _forget(self) -> None:
        """Forget everything about this line."""
        self._canceller.forget()
        self._hypotheses = []
        self._glitches = 0

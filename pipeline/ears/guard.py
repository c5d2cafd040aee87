"""The bot's own voice on the caller's line is no caller: an echo guard that works when the detector has a suspicion.

A telephone line returns what is sent into it, from its far hybrid or from a loudspeaker: 20 to 500 ms later and the
network's delay, 6 to 30 dB weaker, filtered, coded twice. A detector hears speech in it, because it is speech. The
guard keeps the last seconds of what was sent. When the detector suspects speech while an echo can be audible, the
guard asks how much of the caller's latest audio is what was sent, through some delay and some short filter. If nearly
all of it is, the detector's probability counts as 0, the path is remembered, and from then on its echo is subtracted
from what the detector and the recogniser get, so that a caller who speaks over it is heard.

Positions are samples of the caller's audio, at 8 kHz. While the bot is silent, nothing is done.
"""

from collections.abc import Callable
from enum import Enum

import numpy as np

from pipeline.ears.echopath import EchoPath, Floats
from pipeline.ears.history import EchoHistory
from pipeline.ears.search import (
    BLOCKS,
    CHANGED_RESIDUAL,
    Evidence,
    evidence,
    first_path,
    moved_path,
    refined_path,
    too_loud,
)

LEAST_HOLD_SAMPLES = 512  # on a line of which nothing is known, two looks are not believed
HOLD_SAMPLES = 800  # 100 ms; a suspicion is held back no longer for want of evidence
FORGET_SAMPLES = 2_560  # after so long without one, the next suspicion is a new one
TRUST_SAMPLES = 2_560  # a caller who was believed is not doubted again for so long

ECHO_RESIDUAL = 0.25  # of the energy unexplained at most: echo
LATE_ECHO_RESIDUAL = 0.4  # … when there is no more time
SPEECH_RESIDUAL = 0.6  # at least: not echo

SPEECH_EVIDENCE = 15  # 120 ms that no path explains, or half of it far louder: two lost packets are less
MORE_EVIDENCE = 20  # … while the path is only a first guess, and on a line that is known to lose packets
GAP_BLOCKS = 6  # 48 ms of nothing but echo: what was before it counts no more
LASTING_BLOCKS, LASTING_OF = 5, 8  # … and it is still going on
CALM_EVIDENCE, CALM_OF = 2, 12  # at most: nothing is there but echo
PROVEN_SAMPLES = 1_600  # of echo explained: the path is more than a guess

LEAST_RESIDUAL, MOST_RESIDUAL = 0.03, 0.5  # what a path may leave of its echo's energy
RESIDUAL_MARGIN = 4.0  # 6 dB above what it left lately
REFINE_FIRST_SAMPLES = 768  # of echo, after which a new path is solved for again; then twice as many, and so on
REFINE_MOST_SAMPLES = 8_000
INAUDIBLE_POWER = 25.0  # of a sample: -76 dBFS


class _Verdict(Enum):
    ECHO = "echo"
    SPEECH = "speech"
    OPEN = "open"


class EchoGuard:
    """One call's guard. `decode` turns what the line sends into 16-bit PCM, one octet a sample."""

    def __init__(self, decode: Callable[[bytes], bytes]) -> None:
        self.looks = 0
        """Frames that had to be looked at."""
        self.echoes = 0
        """Of these, the ones that were echo or had to wait for more evidence."""
        self._history = EchoHistory(decode)
        self._paths: list[EchoPath] = []  # the one that is known and, after a change, the one that explains it
        self._residual = MOST_RESIDUAL
        self._explained_samples = 0  # of audible echo since the path was found
        self._unrefined_samples = 0  # of these, since it was last solved for
        self._refine_after = REFINE_FIRST_SAMPLES
        self._held_since: int | None = None
        self._suspected_at = 0
        self._trusted_until = -1
        self._glitches = 0

    @property
    def knows_path(self) -> bool:
        """Has an echo been found on this line?"""
        return bool(self._paths)

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to say this at `at_s` (monotonic seconds). `first`: a pause was before it, of any length."""
        self._history.sent(payload, at_s, first=first)

    def heard(self, pcm: bytes, at_sample: int, at_s: float) -> bytes:
        """The caller's next 16-bit PCM, from `at_sample` until `at_s`; back comes the same without known echo."""
        if not self._history.heard(pcm, at_sample, at_s) or not self._paths:
            return pcm
        return self._without_echo(pcm)

    def sent_pcm(self, start: int, stop: int) -> bytes:
        """What the bot sent while these samples were heard, as far as that is known."""
        return self._history.reference(start, stop).astype("<i2").tobytes()

    def weigh(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` holds the caller's speech, given the detector's.

        To be asked of frames only that the gate would take for speech. `in_speech`: the caller is already believed.
        """
        if not self._history.audible(end):
            return probability
        if end - self._suspected_at > FORGET_SAMPLES and self._held_since is not None:
            self._held_since = None
            self._glitches += self.knows_path
        self._suspected_at = end
        trusted = end <= self._trusted_until
        if trusted and not self._paths:
            return probability
        self.looks += 1
        knew = self.knows_path
        verdict = self._look_again(end, trusted) if self._paths else self._first_look(end, in_speech)
        if verdict is _Verdict.OPEN:
            self._held_since = end if self._held_since is None else self._held_since
        else:
            if self._held_since is not None and verdict is _Verdict.ECHO and knew:
                self._glitches += 1  # it was short, and not echo: a lost packet, on one way or the other
            self._held_since = None
        if verdict is _Verdict.SPEECH:
            self._trusted_until = end + TRUST_SAMPLES
            return probability
        self.echoes += 1
        return 0.0

    def _first_look(self, end: int, in_speech: bool) -> _Verdict:
        """No echo is known on this line."""
        if too_loud(self._history, end):
            return _Verdict.SPEECH
        finding = first_path(self._history, end)
        recent, whole = (finding.recent, finding.whole) if finding is not None else (1.0, 1.0)
        held_samples = 0 if self._held_since is None else end - self._held_since
        late = held_samples >= HOLD_SAMPLES
        limit = LATE_ECHO_RESIDUAL if late else ECHO_RESIDUAL
        explained = recent < limit and whole < 2 * limit
        if in_speech:  # what cuts a caller short has to be certain
            explained = max(recent, whole) < CHANGED_RESIDUAL
        if explained and finding is not None:
            self._start_with(finding.path)
            return _Verdict.ECHO
        if in_speech or late or (recent > SPEECH_RESIDUAL and held_samples >= LEAST_HOLD_SAMPLES):
            return _Verdict.SPEECH
        return _Verdict.OPEN

    def _look_again(self, end: int, trusted: bool) -> _Verdict:
        """An echo is known, and subtracted: is there speech in what is left?"""
        proven = self._explained_samples >= PROVEN_SAMPLES
        blocks = evidence(self._history, self._paths, self._residual, end)
        if trusted:
            return _Verdict.SPEECH if blocks[-LASTING_OF:].any() else _Verdict.ECHO
        if int(blocks[-CALM_OF:].sum()) <= CALM_EVIDENCE:
            return _Verdict.ECHO
        if proven and not self._speaks(blocks, proven):
            return _Verdict.OPEN
        if not proven and self._refine(end):
            blocks = evidence(self._history, self._paths, self._residual, end)
            if int(blocks[-CALM_OF:].sum()) <= CALM_EVIDENCE:
                return _Verdict.ECHO
        if self._speaks(blocks, proven):
            moved = moved_path(self._history, self._paths, end)
            if moved is None:
                return _Verdict.SPEECH
            if proven:
                self._paths = [self._paths[0], moved]
            else:
                self._start_with(moved)
            return _Verdict.ECHO
        return _Verdict.OPEN

    def _speaks(self, blocks: Evidence, proven: bool) -> bool:
        """Is it enough to be speech, and not one lost packet after the other?"""
        if np.count_nonzero(blocks[-LASTING_OF:]) < LASTING_BLOCKS:
            return False
        gap = max(np.flatnonzero(np.convolve(blocks == 0, np.ones(GAP_BLOCKS), "valid") == GAP_BLOCKS), default=0)
        patchy = bool(blocks[:gap].any())
        certain = proven and not patchy and not self._glitches
        return int(blocks[gap:].sum()) >= (SPEECH_EVIDENCE if certain else MORE_EVIDENCE)

    def _start_with(self, path: EchoPath) -> None:
        self._paths = [path]
        self._residual = MOST_RESIDUAL
        self._explained_samples = self._unrefined_samples = 0
        self._refine_after = REFINE_FIRST_SAMPLES

    def _refine(self, end: int) -> bool:
        path, residual, better = refined_path(self._history, self._paths, end)
        self._paths = [path]
        self._residual = min(max(RESIDUAL_MARGIN * residual, LEAST_RESIDUAL), MOST_RESIDUAL)
        return better

    def _without_echo(self, pcm: bytes) -> bytes:
        samples = len(pcm) // 2
        end = self._history.end
        heard = np.frombuffer(pcm, "<i2").astype(np.float32)
        best, least = heard, float(heard @ heard)
        audible = False
        for path in self._paths:
            echo = self._history.echo(path, end - samples, end)
            if float(echo @ echo) < samples * INAUDIBLE_POWER:
                continue
            audible = True
            left: Floats = heard - echo
            energy = float(left @ left)
            if energy < least:  # a path that makes it louder is wrong at this moment
                best, least = left, energy
        if audible:
            self._unrefined_samples += samples
            if self._unrefined_samples >= self._refine_after:
                self._keep_refining(end)
        return pcm if best is heard else np.clip(np.rint(best), -32_768, 32_767).astype("<i2").tobytes()

    def _keep_refining(self, end: int) -> None:
        self._explained_samples += self._unrefined_samples
        self._unrefined_samples = 0
        blocks = evidence(self._history, self._paths, self._residual, end)
        if np.count_nonzero(blocks) <= BLOCKS // 4:  # nothing is learnt while somebody speaks
            self._refine_after = min(2 * self._refine_after, REFINE_MOST_SAMPLES)
            self._refine(end)

"""The bot's own voice on the caller's line is no caller: an echo guard that works when the detector has a suspicion.

A telephone line returns what is sent into it, from its far hybrid or from a loudspeaker: 20 to 500 ms later and the
network's delay, 6 to 30 dB weaker, filtered, coded twice. A detector hears speech in it, because it is speech. The
guard keeps the last seconds of what was sent. When the detector suspects speech while an echo can be audible, the
guard asks how much of the caller's latest audio is what was sent, through some delay and some short filter. So many
numbers explain the vowel that they were solved for, whoever has said it: what they are is a guess, and the suspicion
waits. A guess that also explains what comes after it is a path; no guess and no path in 100 ms: a caller. From then on
the path's echo is subtracted from what the detector and the recogniser get, so that a caller who speaks over it is
heard. A path whose echo is not there when it should be is forgotten.

Positions are samples of the caller's audio, at 8 kHz. While the bot is silent, nothing is done.
"""

from collections.abc import Callable
from enum import Enum

import numpy as np

from offhook.pipeline.front_end.cpu_budget import Allowance
from offhook.pipeline.front_end.echo_history import EchoHistory
from offhook.pipeline.front_end.echo_path import EchoPath, Floats
from offhook.pipeline.front_end.echo_search import (
    BLOCKS,
    Evidence,
    evidence,
    first_paths,
    most_returned,
    moved_path,
    possible_lags,
    refined_path,
    unexplained,
)

LEAST_HOLD_SAMPLES = 512  # on a line of which nothing is known, one look is not believed
HOLD_SAMPLES = 800  # 100 ms; a suspicion is held back no longer for want of evidence
FORGET_SAMPLES = 2_560  # after so long without one, the next suspicion is a new one
TRUST_SAMPLES = 2_560  # a caller who was believed is not doubted again for so long

ECHO_RESIDUAL = 0.25  # of the energy unexplained at most: echo
SPEECH_RESIDUAL = 0.4  # at least: not echo
PROVEN_RESIDUAL = 0.5  # of what came after a path was solved for: it is one
DISPROVEN_RESIDUAL = 1.2  # at least
DISPROOFS = 2  # so often, and it is speech: once may be a lost packet
GUESS_SAMPLES = 4_000  # so long after it a guess can be put to the test

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
FIRST_JUDGED_SAMPLES = 640  # of echo: so long a new path is given that explains nothing
JUDGED_SAMPLES = 2_400  # … and one that has explained much
LOST_SAMPLES = 2_400  # of digital silence where echo is due: packets were lost
LATELY_SHARE = 0.95  # of the packets before: 400 ms
PROVEN_LATELY_SHARE = 0.98  # 1 s: an echo that moves is found again
LEAST_REMOVED = -0.5  # of the echo's energy
OTHERS_LOUDER = 4.0  # 6 dB
LEARN_SAMPLES = 12_800  # of a prompt, after which it is remembered how little of it came back
SEARCH_S, REFINE_S = 0.002, 0.002  # about what they take, of the allowance
INAUDIBLE_POWER = 25.0  # of a sample: -76 dBFS


class _Verdict(Enum):
    ECHO = "echo"
    SPEECH = "speech"
    OPEN = "open"


class EchoGuard:
    """One call's guard. `decode` turns what the line sends into 16-bit PCM, one octet a sample.

    The calls of a process share an `allowance`; where it is used up, nothing is searched for, and callers are believed.
    """

    def __init__(self, decode: Callable[[bytes], bytes], allowance: Allowance | None = None) -> None:
        self.looks = 0
        """Frames that had to be looked at."""
        self.echoes = 0
        """Of these, the ones that were echo or had to wait for more evidence."""
        self._history = EchoHistory(decode)
        self._allowance = allowance or Allowance()
        self._now_s = 0.0
        self._paths: list[EchoPath] = []  # the known one and, after a change, the one that explains it; at first, some
        self._returned: Floats | None = None  # of the prompt that was learnt from last
        self._learnt_of = -1  # where that began
        self._guesses: list[EchoPath] = []  # while none is known: what was solved for until then
        self._guessed_at = 0
        self._disproofs = 0  # looks at which what came since was none of theirs
        self._residual = MOST_RESIDUAL
        self._explained_samples = 0  # of audible echo since the path was found
        self._unrefined_samples = 0  # of these, since it was last solved for
        self._refine_after = REFINE_FIRST_SAMPLES
        self._judged_samples = 0
        self._lost_samples = 0  # of digital silence, just now
        self._predicted = self._removed = 0.0  # energy, lately
        self._held_since: int | None = None
        self._suspected_at = 0
        self._trusted_until = -1
        self._sure_of = -1  # the bot's stretch of speech that cannot be what the caller is believed for
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
        self._now_s = at_s
        history = self._history
        if not history.heard(pcm, at_sample, at_s):
            return pcm
        if self._paths:
            return self._without_echo(pcm)
        if history.audible_since != self._learnt_of and history.end - history.audible_since >= LEARN_SAMPLES:
            self._learnt_of = history.audible_since
            self._returned = most_returned(history, history.end)
        return pcm

    @property
    def _proven(self) -> bool:
        return self._explained_samples >= PROVEN_SAMPLES

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
        sure = in_speech and self._sure_of == self._history.audible_since
        trusted = sure or end <= self._trusted_until
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
        self._sure_of = -1
        held_samples = 0 if self._held_since is None else end - self._held_since
        if held_samples == 0:
            self._disproofs = 0
        possible = possible_lags(self._history, end, self._most_returned(end))
        if not possible.any():
            self._guesses = []
            self._sure_of = self._history.audible_since
            return _Verdict.SPEECH
        guesses = [] if end - self._guessed_at > GUESS_SAMPLES else self._guesses
        lefts = [(unexplained(self._history, guess, self._guessed_at, end), guess) for guess in guesses]
        tested = sorted(((left, guess) for left, guess in lefts if left is not None), key=lambda pair: pair[0])
        if tested and tested[0][0] < PROVEN_RESIDUAL:
            self._guesses = []
            self._start_with([guess for left, guess in tested if left < PROVEN_RESIDUAL])
            return _Verdict.ECHO
        self._disproofs += bool(tested) and tested[0][0] > DISPROVEN_RESIDUAL
        late = in_speech or self._disproofs >= DISPROOFS or held_samples >= HOLD_SAMPLES
        if late and not in_speech:  # a guess would not be put to the test any more
            return _Verdict.SPEECH
        if not self._allowance.take(SEARCH_S, self._now_s):
            return _Verdict.SPEECH if late else _Verdict.OPEN
        findings = first_paths(self._history, end, possible)
        explained = [one.path for one in findings or () if one.recent < ECHO_RESIDUAL and one.whole < 2 * ECHO_RESIDUAL]
        self._guesses = explained or guesses  # a lost packet is no reason to give one up
        self._guessed_at = end
        other = findings is not None and all(one.recent > SPEECH_RESIDUAL for one in findings)
        other = other and not self._guesses and held_samples >= LEAST_HOLD_SAMPLES
        return _Verdict.SPEECH if late or other else _Verdict.OPEN

    def _most_returned(self, end: int) -> Floats | None:
        """By this prompt, and where it has not said anything yet by the ones before: lines rarely change."""
        now, before = most_returned(self._history, end), self._returned
        if now is None or before is None:
            return before if now is None else now
        return np.where(np.isfinite(now), now, before)

    def _look_again(self, end: int, trusted: bool) -> _Verdict:
        """An echo is known, and subtracted: is there speech in what is left?"""
        proven = self._proven
        blocks = evidence(self._history, self._paths, self._residual, end)
        if trusted:
            return _Verdict.SPEECH if blocks[-LASTING_OF:].any() else _Verdict.ECHO
        if int(blocks[-CALM_OF:].sum()) <= CALM_EVIDENCE:
            return _Verdict.ECHO
        if not self._speaks(blocks, proven):
            return _Verdict.OPEN
        credible = proven or self._removed > 0.0
        moved = moved_path(self._history, self._paths, end) if credible else None
        if moved is not None:
            self._paths = [self._paths[0], moved]
            return _Verdict.ECHO
        if not credible:
            self._forget()
        return _Verdict.SPEECH

    def _speaks(self, blocks: Evidence, proven: bool) -> bool:
        """Is it enough to be speech, and not one lost packet after the other?"""
        if np.count_nonzero(blocks[-LASTING_OF:]) < LASTING_BLOCKS:
            return False
        gap = max(np.flatnonzero(np.convolve(blocks == 0, np.ones(GAP_BLOCKS), "valid") == GAP_BLOCKS), default=0)
        patchy = bool(blocks[:gap].any())
        certain = proven and not patchy and not self._glitches
        return int(blocks[gap:].sum()) >= (SPEECH_EVIDENCE if certain else MORE_EVIDENCE)

    def _start_with(self, paths: list[EchoPath]) -> None:
        self._paths = paths  # the wrong ones are a period of the voice off, which is soon found out
        self._residual = MOST_RESIDUAL
        self._explained_samples = self._unrefined_samples = 0
        self._refine_after = REFINE_FIRST_SAMPLES
        self._judged_samples = 0
        self._predicted = self._removed = 0.0

    def _forget(self) -> None:
        """What was taken for an echo was none: nothing is known of this line."""
        self._paths = []
        self._guesses = []
        self._glitches = 0

    def _refine(self, end: int) -> None:
        path, residual = refined_path(self._history, self._paths, end)
        self._paths = [path]
        self._residual = min(max(RESIDUAL_MARGIN * residual, LEAST_RESIDUAL), MOST_RESIDUAL)

    def _without_echo(self, pcm: bytes) -> bytes:
        samples = len(pcm) // 2
        end = self._history.end
        heard = np.frombuffer(pcm, "<i2").astype(np.float32)
        energy = float(heard @ heard)
        best, least, predicted = heard, float("inf"), 0.0
        for path in self._paths:
            echo = self._history.echo(path, end - samples, end)
            power = float(echo @ echo)
            if power < samples * INAUDIBLE_POWER:
                continue
            left: Floats = heard - echo
            remains = float(left @ left)
            if remains < least:
                best, least, predicted = left, remains, power
        if not predicted:
            return pcm
        if not self._is_credible(samples, energy, least, predicted):
            if not self._proven:  # its candidate has been held back for long enough already
                self._held_since = self._suspected_at - HOLD_SAMPLES // 2
            self._forget()
            return pcm
        if not energy:
            return pcm
        self._unrefined_samples += samples
        due = self._unrefined_samples >= self._refine_after
        if due and self._allowance.take(REFINE_S, self._now_s):
            self._keep_refining(end)
        if least >= energy:  # a path that makes it louder is wrong at this moment
            return pcm
        return np.clip(np.rint(best), -32_768, 32_767).astype("<i2").tobytes()

    def _is_credible(self, samples: int, energy: float, least: float, predicted: float) -> bool:
        """Has what is subtracted been there, lately?

        An echo that is there takes its energy with it; one that is not adds as much. Who speaks over it hides both.
        """
        self._lost_samples = 0 if energy else self._lost_samples + samples
        if energy > OTHERS_LOUDER * predicted or 0 < self._lost_samples <= LOST_SAMPLES:
            return True
        proven = self._proven
        share = PROVEN_LATELY_SHARE if proven else LATELY_SHARE
        vote = min(max((energy - least) / predicted, -1.0), 1.0)
        self._predicted = share * self._predicted + 1.0
        self._removed = share * self._removed + vote
        self._judged_samples += samples
        enough = self._judged_samples >= (JUDGED_SAMPLES if proven else FIRST_JUDGED_SAMPLES)
        return not enough or self._removed > LEAST_REMOVED * self._predicted

    def _keep_refining(self, end: int) -> None:
        proven = self._proven
        if self._removed > 0.0:
            self._explained_samples += self._unrefined_samples
        self._unrefined_samples = 0
        blocks = evidence(self._history, self._paths, self._residual, end)
        if not proven or np.count_nonzero(blocks) <= BLOCKS // 4:  # little is learnt while somebody speaks
            self._refine_after = min(2 * self._refine_after, REFINE_MOST_SAMPLES)
            self._refine(end)

"""Subtracts the echo of known paths, refines them, and drops those whose echo is absent.

There is no sample-by-sample adaptation. A path is solved for again by least squares after 96 ms of audible echo, then
after twice as much, and so on. Whether a path still holds is decided by votes: each packet in which its echo should be
audible votes for it if subtracting the echo leaves less energy, and against it if it leaves more. A vote counts one at
most, so that a single lost packet, however loud, decides nothing.
"""

import numpy as np

from offhook.pipeline.front_end.cpu_budget import CpuBudget
from offhook.pipeline.front_end.echo.history import EchoHistory
from offhook.pipeline.front_end.echo.path import EchoPath, Floats
from offhook.pipeline.front_end.echo.search import BLOCKS, Evidence, evidence, refined_path

PROVEN_SAMPLES = 1_600  # of explained echo: from then on a path is more than a first estimate
LEAST_RESIDUAL, MOST_RESIDUAL = 0.03, 0.5  # share of its echo's energy that a path may leave
RESIDUAL_MARGIN = 4.0  # 6 dB above the recent residual

REFINE_FIRST_SAMPLES = 768  # of audible echo until a new path is refined; doubles each time
REFINE_MOST_SAMPLES = 8_000
REFINE_S = 0.002  # approximate CPU time of a refinement

JUDGED_SAMPLES = 2_400  # of audible echo before a proven path is judged
FIRST_JUDGED_SAMPLES = 640  # ... and a new one
VOTE_DECAY = 0.95  # a packet: 400 ms
PROVEN_VOTE_DECAY = 0.98  # 1 s: an echo that moves is found again
LEAST_VOTE = -0.5  # mean of the latest votes below which a path is dropped

LOST_SAMPLES = 2_400  # of digital silence where echo is due: packets were lost, so nothing is judged
OTHERS_LOUDER = 4.0  # 6 dB: a caller masks the echo, so nothing is judged
INAUDIBLE_POWER = 25.0  # per sample: -76 dBFS


class EchoCanceller:
    """The known paths of one call: several candidates at first, the old and the new one after a change."""

    def __init__(self, history: EchoHistory, budget: CpuBudget) -> None:
        self.paths: list[EchoPath] = []
        self._history = history
        self._budget = budget
        self._residual = MOST_RESIDUAL
        self._explained_samples = 0  # of audible echo since the path was found
        self._unrefined_samples = 0  # of that, since it was last solved for
        self._refine_after = REFINE_FIRST_SAMPLES
        self._judged_samples = 0
        self._lost_samples = 0  # of digital silence, up to now
        self._votes = self._voters = 0.0  # sums that decay

    @property
    def proven(self) -> bool:
        """Whether the path has explained its echo for long enough to be relied on."""
        return self._explained_samples >= PROVEN_SAMPLES

    @property
    def removes_energy(self) -> bool:
        """Whether subtracting has reduced the energy lately."""
        return self._votes > 0.0

    def start(self, paths: list[EchoPath]) -> None:
        """Subtract the echo of the best of these paths. Wrong ones are mostly a pitch period off, which soon shows."""
        self.paths = paths
        self._residual = MOST_RESIDUAL
        self._explained_samples = self._unrefined_samples = 0
        self._refine_after = REFINE_FIRST_SAMPLES
        self._judged_samples = 0
        self._votes = self._voters = 0.0

    def forget(self) -> None:
        """Drop all paths."""
        self.paths = []

    def evidence(self, end: int) -> Evidence:
        """Per block of the latest 192 ms: what the paths do not explain."""
        return evidence(self._history, self.paths, self._residual, end)

    def subtract(self, pcm: bytes, now_s: float) -> bytes:
        """The latest audio of the history, without echo. Drops all paths if their echo proves absent."""
        samples = len(pcm) // 2
        end = self._history.end
        audio = np.frombuffer(pcm, "<i2").astype(np.float32)
        energy = float(audio @ audio)
        best, least, predicted = audio, float("inf"), 0.0
        for path in self.paths:
            echo = self._history.echo(path, end - samples, end)
            echo_energy = float(echo @ echo)
            if echo_energy < samples * INAUDIBLE_POWER:
                continue
            left: Floats = audio - echo
            left_energy = float(left @ left)
            if left_energy < least:
                best, least, predicted = left, left_energy, echo_energy
        if not predicted:
            return pcm
        if not self._is_credible(samples, energy, least, predicted):
            self.forget()
            return pcm
        if not energy:
            return pcm
        self._unrefined_samples += samples
        if self._unrefined_samples >= self._refine_after and self._budget.take(REFINE_S, now_s):
            self._refine(end)
        if least >= energy:  # a path that makes it louder is currently wrong
            return pcm
        return np.clip(np.rint(best), -32_768, 32_767).astype("<i2").tobytes()

    def _is_credible(self, samples: int, energy: float, least: float, predicted: float) -> bool:
        """Whether the subtracted echo has really been there lately.

        Subtracting an echo that is there removes its energy; one that is not there adds as much.
        """
        self._lost_samples = 0 if energy else self._lost_samples + samples
        if energy > OTHERS_LOUDER * predicted or 0 < self._lost_samples <= LOST_SAMPLES:
            return True
        proven = self.proven
        decay = PROVEN_VOTE_DECAY if proven else VOTE_DECAY
        self._voters = decay * self._voters + 1.0
        self._votes = decay * self._votes + min(max((energy - least) / predicted, -1.0), 1.0)
        self._judged_samples += samples
        enough = self._judged_samples >= (JUDGED_SAMPLES if proven else FIRST_JUDGED_SAMPLES)
        return not enough or self._votes > LEAST_VOTE * self._voters

    def _refine(self, end: int) -> None:
        proven = self.proven
        if self.removes_energy:
            self._explained_samples += self._unrefined_samples
        self._unrefined_samples = 0
        if proven and np.count_nonzero(self.evidence(end)) > BLOCKS // 4:
            return  # somebody is speaking, and little can be learned
        self._refine_after = min(2 * self._refine_after, REFINE_MOST_SAMPLES)
        path, residual = refined_path(self._history, self.paths, end)
        self.paths = [path]
        self._residual = min(max(RESIDUAL_MARGIN * residual, LEAST_RESIDUAL), MOST_RESIDUAL)

"""Fits the confidence of `offhook.pipeline.asr.phone_check`: a logistic regression over its evidence.

    python -m bench.human_speech DIR                                     recordings to judge it with
    python -m bench.fit_confidence --work DIR [--people DIR] [--net FILE]

prints WEIGHTS and BIAS for phone_check.py, and what they do. Fitted on Debian's pocketsphinx-testdata (phrases cut
from it), on voices and sentences of `SETS["second"]`, and on sounds, over the lines below; judged on the recordings
of `bench.hearing.people`, on other recordings named by --held-out, and on other voices and sentences. Answers and
other speech weigh the same. pocketsphinx's part takes minutes, and is kept in --work.
"""

import argparse
import json
import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.hearing.channels import CHANNELS, Line
from bench.hearing.people import people
from bench.hearing.recordings import folder, recordings
from bench.hearing.runs import background
from bench.hearing.sentences import SETS
from bench.hearing.sounds import SOUNDS
from bench.hearing.trials import Trial, human, non_speech, synthetic
from bench.nonspeech import HELD_OUT
from bench.phone_line import for_recogniser, is_installed
from bench.table import table
from offhook.pipeline.asr.phone_check import BIAS, WEIGHTS, Checked, Evidence, PhoneCheck, confidence, text_of
from offhook.pipeline.asr.phone_net import PhoneNet
from offhook.pipeline.asr.pocketsphinx import PocketsphinxEngine
from offhook.pipeline.engine_host.pocketsphinx_engine import HostedPocketsphinx

LINES = ("mu-law", "A-law", "loss 5 %", "noise 20 dB", "noise 10 dB", "babble 20 dB", "babble 10 dB")
FIT_VOICES = ("festival:kal_diphone", "espeak:en-us+m7", "espeak:en-gb-x-rp")
JUDGE_VOICES = ("flite:slt", "espeak:en-gb")
PENALTY = 0.3
BINS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.01)
THRESHOLDS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """A trial (without its audio) over a line, as far as pocketsphinx took it: the speech at 16 kHz, and the sentence
    that it found in it."""

    group: str
    channel: str
    trial: Trial
    grammar: str
    speech: bytes
    found: str


@dataclass(frozen=True)
class Judged:
    """A turn with its evidence (None: no speech), the sentence, and whether that is right."""

    turn: Turn
    evidence: Evidence | None
    text: str
    right: bool

    @property
    def is_answer(self) -> bool:
        """Whether something was said that should be understood."""
        return self.turn.trial.meant is not None


class Recorder:
    """In place of the check: keeps what it would get."""

    def __init__(self) -> None:
        self.seen: tuple[bytes, str] | None = None

    def check(self, pcm: NDArray[np.int16], grammar: str, find: Callable[[], str]) -> Checked:
        """See PhoneCheck."""
        self.seen = pcm.tobytes(), find()
        return Checked("", 0.0)


def heard(trials: Iterator[tuple[str, Trial, Sequence[str]]], seed: int) -> list[Turn]:
    """The trials over lines, through pocketsphinx."""
    host = HostedPocketsphinx({"decoders": 1, "free_speech": False}, lambda kind, stream, payload: None)
    recorder = Recorder()
    host._check = recorder  # type: ignore[assignment]
    line, turns = Line(background()), []
    for group, trial, channels in trials:
        for channel in channels:
            key = f"{seed}{channel}{trial.source}{trial.text}{trial.grammar}"
            rng = np.random.default_rng(zlib.crc32(key.encode()))
            received = for_recogniser(line.carry(trial.speech, CHANNELS[channel], rng))
            recorder.seen = None
            host.open(1, json.dumps({"grammar": trial.grammar}).encode())
            host.data(1, received)
            host.end(1)
            while host.next_stream() is not None:
                host.step(1)
            speech, found = recorder.seen or (b"", "")
            slim = replace(trial, speech=np.zeros(0))
            turns.append(Turn(group, channel, slim, str(trial.grammar), speech, found))
    return turns


def material(args: argparse.Namespace) -> Iterator[tuple[str, Trial, Sequence[str]]]:
    """By group: trials, and the lines that each goes over."""
    rng = np.random.default_rng(args.seed)

    def some(count: int) -> Sequence[str]:
        return [LINES[at] for at in rng.permutation(len(LINES))[:count]]

    def grouped(group: str, trials: Iterable[Trial], count: int) -> Iterator[tuple[str, Trial, Sequence[str]]]:
        for trial in trials:
            if trial.grammar is not None:
                yield group, trial, LINES if trial.kind in ("closed", "digits") and count > 2 else some(count)

    fitted = human(recordings(folder(None, args.work)), SETS["first"], args.seed)
    yield from grouped("fit human", fitted, 3)
    yield from grouped("fit voices", synthetic(list(filter(is_installed, FIT_VOICES)), SETS["second"], 0.3, 1), 2)
    yield from grouped("fit sounds", non_speech(SETS["second"], 1), 1)
    voices = list(filter(is_installed, JUDGE_VOICES))
    yield from grouped("voices", synthetic(voices, SETS["first"], 0.2, 2), 2)
    yield from grouped("sounds", other_sounds(3), 1)
    if args.held_out is not None:
        yield from grouped("held out", human(recordings(args.held_out), SETS["first"], args.seed), 3)
    if args.people is not None:
        known = PocketsphinxEngine().known_word
        for trial in people(args.people, SETS["first"], known, args.seed):
            yield from grouped(f"people: {trial.source}", [trial], 1)


def other_sounds(seed: int) -> Iterator[Trial]:
    """Sounds that the network was not trained on."""
    rng = np.random.default_rng(seed)
    for case in SETS["first"].cases:
        for make in (*HELD_OUT, *SOUNDS.values()):
            yield Trial("sound", make.__name__, "", make(rng), case.question)


def judged(turns: Sequence[Turn], net: PhoneNet) -> list[Judged]:
    """The turns with what the network says to them."""
    pronounce = HostedPocketsphinx({"decoders": 1, "free_speech": False}, lambda *_: None)._pronounce
    check, found = PhoneCheck(pronounce, net), []
    for turn in turns:
        listened = check.listen(np.frombuffer(turn.speech, np.int16), turn.grammar) if turn.speech else None
        result = None if listened is None else check.judge(listened, turn.found)
        text = "" if result is None else text_of(result.decoded)
        meaning = turn.trial.meaning(text)
        right = meaning is not None and meaning == turn.trial.meant
        found.append(Judged(turn, None if result is None else result.evidence, text, right))
    return found


def fit(turns: Sequence[Judged]) -> tuple[Array, float]:
    """Weights and bias: right answers against everything else that became a sentence, half and half."""
    used = [(turn, turn.evidence) for turn in turns if turn.evidence is not None]
    values = np.array([astuple(evidence) for _, evidence in used])
    right = np.array([turn.right for turn, _ in used], float)
    each = np.where(right > 0, 0.5 / right.sum(), 0.5 / (len(right) - right.sum())) * len(right)
    scale = values.std(0) + 1e-9
    inputs = np.column_stack([values / scale, np.ones(len(values))])
    weights, penalty = np.zeros(inputs.shape[1]), np.append(np.full(len(scale), PENALTY), 0.0)
    for _ in range(60):
        share = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (each * (share - right)) + penalty * weights
        bend = (inputs * (each * share * (1 - share))[:, None]).T @ inputs + np.diag(penalty + 1e-9)
        weights -= np.linalg.solve(bend, slope)
    return -weights[:-1] / scale, float(weights[-1])


def rates(turns: Sequence[Judged], weights: Sequence[float], bias: float) -> str:
    """By group: right answers kept, wrong ones and other speech accepted, at each threshold."""
    rows = []
    for group in dict.fromkeys(turn.turn.group for turn in turns):
        for threshold in THRESHOLDS:
            counts = {"right": 0, "wrong": 0, "answers": 0, "taken": 0, "others": 0}
            kinds = dict.fromkeys(("digits", "exact"), 0)
            for turn in turns:
                if turn.turn.group != group:
                    continue
                sure = turn.evidence is not None and confidence(turn.evidence, weights, bias) >= threshold
                sure = sure and turn.turn.trial.meaning(turn.text) is not None
                counts["answers"] += turn.is_answer
                counts["others"] += not turn.is_answer
                counts["right"] += sure and turn.right
                counts["wrong"] += sure and turn.is_answer and not turn.right
                counts["taken"] += sure and not turn.is_answer
                if turn.turn.trial.kind == "digits":
                    kinds["digits"] += 1
                    kinds["exact"] += sure and turn.right
            rows.append([group, f"{threshold:g}", *_shares(counts), _share(kinds["exact"], kinds["digits"])])
    return table(("group", "from", "answers right", "wrong", "others taken", "ended well", "numbers"), rows)


def reliability(turns: Sequence[Judged], weights: Sequence[float], bias: float) -> str:
    """Of the groups that nothing was fitted on: the share of right answers by confidence, answers and other speech
    weighing the same."""
    judged_on = [turn for turn in turns if not turn.turn.group.startswith("fit")]
    answers = sum(turn.is_answer for turn in judged_on)
    each = answers / max(1, len(judged_on) - answers)
    rows = []
    for low, high in pairwise(BINS):
        count = right = 0.0
        for turn in judged_on:
            if turn.evidence is None or turn.turn.trial.meaning(turn.text) is None:
                continue
            if low <= confidence(turn.evidence, weights, bias) < high:
                count += 1.0 if turn.is_answer else each
                right += turn.right
        rows.append([f"{low:g} to {min(high, 1.0):g}", f"{count:.0f}", f"{right / count:.0%}" if count else "-"])
    return table(("confidence", "answers", "right"), rows)


def _shares(counts: dict[str, int]) -> list[str]:
    well = counts["right"] + counts["others"] - counts["taken"]
    return [
        _share(counts["right"], counts["answers"]),
        _share(counts["wrong"], counts["answers"]),
        _share(counts["taken"], counts["others"]),
        _share(well, counts["answers"] + counts["others"]),
    ]


def _share(hits: int, count: int) -> str:
    return f"{hits / count:.1%} of {count}" if count else "-"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--people", type=Path, help="the folder of bench.human_speech")
    parser.add_argument("--held-out", type=Path, help="a folder of recordings with a transcription")
    parser.add_argument("--net", type=Path, help="weights to judge, in place of the shipped ones")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kept = args.work / f"turns-{args.seed}.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(heard(material(args), args.seed)))
    turns = judged(pickle.loads(kept.read_bytes()), PhoneNet(args.net))
    print(f"as in phone_check.py:\n{rates(turns, WEIGHTS, BIAS)}\n")
    weights, bias = fit([turn for turn in turns if turn.turn.group.startswith("fit")])
    print(f"WEIGHTS = ({', '.join(f'{value:.3g}' for value in weights)})\nBIAS = {bias:.3g}\n")
    fitted = [float(value) for value in weights]
    print(f"{rates(turns, fitted, bias)}\n\n{reliability(turns, fitted, bias)}")


if __name__ == "__main__":
    main()

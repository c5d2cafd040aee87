"""Fits the confidence of a word of free speech: WORD_COST and WORD_BIAS of `offhook.pipeline.asr.phone_check`.

    python -m bench.fit_words --work DIR [--net FILE]

A logistic regression on the recordings of `bench.fit_confidence` over some of its lines; a word is right if it stands
in the text in its place. pocketsphinx's part takes a minute, and is kept in --work.
"""

import argparse
import json
import pickle
import zlib
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.hearing.channels import CHANNELS, Line
from bench.hearing.recordings import Recording, folder, recordings
from bench.hearing.runs import background
from bench.hearing.score import normal
from bench.phone_line import for_recogniser
from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.asr.phone_check import WORD_BIAS, WORD_COST, PhoneCheck
from offhook.pipeline.asr.phone_net import PhoneNet
from offhook.pipeline.engine_host.pocketsphinx_engine import HostedPocketsphinx

LINES = ("mu-law", "A-law", "noise 20 dB")
CLIP = 1e-6

Heard = tuple[str, bytes, str]
"""What was said, the speech at 16 kHz, and what pocketsphinx made of it."""


class Recorder:
    """In place of the check: keeps what it would get."""

    def __init__(self) -> None:
        self.seen: tuple[bytes, str] = b"", ""

    def words(self, pcm: NDArray[np.int16], text: str) -> tuple[RecognisedWord, ...]:
        """See PhoneCheck."""
        self.seen = pcm.tobytes(), text
        return ()


def heard(found: Sequence[Recording], seed: int) -> Iterator[Heard]:
    """The recordings over LINES, through pocketsphinx."""
    host = HostedPocketsphinx({"decoders": 1}, lambda kind, stream, payload: None)
    line, recorder = Line(background()), Recorder()
    host._check = recorder  # type: ignore[assignment]
    for one in found:
        for channel in LINES:
            rng = np.random.default_rng(zlib.crc32(f"{seed}{channel}{one.name}".encode()))
            host.open(1, json.dumps({"grammar": None}).encode())
            host.data(1, for_recogniser(line.carry(one.narrow, CHANNELS[channel], rng)))
            host.end(1)
            while host.next_stream() is not None:
                host.step(1)
            yield one.text, *recorder.seen


def costs(turns: Sequence[Heard], net: PhoneNet) -> Iterator[tuple[float, bool]]:
    """Of each word: its cost (see `word_confidence`), and whether it is right."""
    pronounce = HostedPocketsphinx({"decoders": 1, "free_speech": False}, lambda *_: None)._pronounce
    check = PhoneCheck(pronounce, net)
    for said, speech, text in turns:
        words = check.words(np.frombuffer(speech, np.int16), text)
        blocks = SequenceMatcher(
            None, normal(said), [word.text for word in words], autojunk=False
        ).get_matching_blocks()
        right = {block.b + at for block in blocks for at in range(block.size)}
        for at, word in enumerate(words):
            sure = min(max(word.confidence or 0.0, CLIP), 1 - CLIP)
            yield (WORD_BIAS - float(np.log(sure / (1 - sure)))) / WORD_COST, at in right


def fit(words: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """WORD_COST and WORD_BIAS."""
    inputs = np.array([[-cost, 1.0] for cost, _ in words])
    right = np.array([is_right for _, is_right in words], float)
    weights = np.zeros(2)
    for _ in range(50):
        share = 1 / (1 + np.exp(-inputs @ weights))
        bend = (inputs * (share * (1 - share))[:, None]).T @ inputs
        weights += np.linalg.solve(bend, inputs.T @ (right - share))
    return float(weights[0]), float(weights[1])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--net", type=Path, help="weights to fit to, in place of the shipped ones")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kept = args.work / f"words-{args.seed}.pickle"
    if not kept.exists():
        kept.write_bytes(pickle.dumps(list(heard(recordings(folder(None, args.work)), args.seed))))
    words = list(costs(pickle.loads(kept.read_bytes()), PhoneNet(args.net)))
    cost, bias = fit(words)
    print(
        f"{len(words)} words, {sum(right for _, right in words)} right: WORD_COST, WORD_BIAS = {cost:.2g}, {bias:.2g}"
    )


if __name__ == "__main__":
    main()

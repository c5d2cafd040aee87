"""Which utterances a question accepts as one of its choices: right answers, polite ones, and anything else.

    .venv/bin/python -m bench.rejection [--set second] [--voices flite:slt,espeak:en-gb] [--share 0.3] [--seed 1]
        [--rate 1.2] [--lsb] [--show]

Every phrase and `share` of the other sentences (`bench.rejection_sets`) is spoken by every voice that is installed,
each over its own line (`bench.phone_line`), to the embedded recogniser as an engine host runs it. The phone network
was trained without the default voices. `rate` is the rate of speaking, `lsb` adds noise of one step to what the line
delivers. Columns: `right` of right answers became their choice, of which `courteous` had words of courtesy
around them, `wrong` became another choice; `taken` of other sentences became a choice; CPU milliseconds a turn, and the
time from the end of the audio to the answer where the pause before has been used.
"""

import argparse
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from time import perf_counter, process_time

import numpy as np

from bench.phone_line import for_recogniser, is_installed, lsb_noise, over_the_line, speak
from bench.rejection_sets import SETS, Case, SentenceSet
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.engine_host.pocketsphinx_engine import HostedPocketsphinx
from offhook.pipeline.engine_host.protocol import Kind

VOICES = ("flite:slt", "espeak:en-gb", "espeak:en-us+m7", "festival:cmu_us_slt_arctic_hts")
"""None of them is a training voice."""

CHUNK_BYTES = 640


@dataclass(frozen=True)
class Turn:
    """One turn: what it should mean (None: nothing), what was recognised, and what that cost."""

    case: str
    voice: str
    said: str
    meant: str | None
    courteous: bool
    text: str
    meaning: str | None
    confidence: float
    cpu_ms: float
    wait_ms: float

    def taken(self, threshold: float) -> str | None:
        """The meaning passed to the dialog."""
        return self.meaning if self.confidence >= threshold else None


class Recogniser:
    """The engine of an engine host, without the host."""

    def __init__(self) -> None:
        self._messages: list[tuple[Kind, bytes]] = []
        self._engine = HostedPocketsphinx(
            {"free_speech": False}, lambda kind, _, data: self._messages.append((kind, data))
        )

    def recognise(self, pcm: bytes, grammar: str | None) -> tuple[str, float, float, float]:
        """Text, confidence, CPU milliseconds of the turn, milliseconds from its end to the answer."""
        self._messages.clear()
        began = process_time()
        self._engine.open(1, json.dumps({"grammar": grammar}).encode())
        for at in range(0, len(pcm), CHUNK_BYTES):
            self._engine.data(1, pcm[at : at + CHUNK_BYTES])
            while self._engine.next_stream() is not None:
                self._engine.step(1)
        ended = perf_counter()
        self._engine.end(1)
        while self._engine.next_stream() is not None:
            self._engine.step(1)
        result = json.loads(next(data for kind, data in self._messages if kind is Kind.RESULT))
        cpu_ms, wait_ms = 1000 * (process_time() - began), 1000 * (perf_counter() - ended)
        return str(result["text"]), float(result["confidence"] or 0.0), cpu_ms, wait_ms


def turns(
    voices: Sequence[str],
    share: float,
    seed: int,
    sentences: SentenceSet = SETS["first"],
    *,
    rate: float = 1.0,
    lsb: bool = False,
) -> Iterator[Turn]:
    """Speak everything and recognise it."""
    recogniser = Recogniser()
    choose = np.random.default_rng(seed)
    for case in sentences.cases:
        grammar = question_grammar(case.question)
        for voice in voices:
            for text, meant in _said(case, sentences, share, choose):
                rng = np.random.default_rng(zlib.crc32(f"{seed}{case.name}{voice}{text}".encode()))
                line = over_the_line(speak(voice, text, rate), rng)
                pcm = for_recogniser(lsb_noise(line, rng) if lsb else line)
                found, confidence, cpu_ms, wait_ms = recogniser.recognise(pcm, grammar)
                result = found, case.meaning(found), confidence, cpu_ms, wait_ms
                yield Turn(case.name, voice, text, meant, text in case.courteous, *result)


def _said(
    case: Case, sentences: SentenceSet, share: float, choose: np.random.Generator
) -> Iterator[tuple[str, str | None]]:
    """What one voice says to a question, and what that means."""
    for text in (*case.right, *case.courteous):
        yield text, case.meaning(text)
    for text in (*sentences.others, *sentences.containing.get(case.name, ())):
        if choose.random() < share:
            yield text, None


def rates(found: Sequence[Turn], threshold: float) -> str:
    """A line of the table."""
    plain = [turn for turn in found if turn.meant and not turn.courteous]
    courteous = [turn for turn in found if turn.meant and turn.courteous]
    others = [turn for turn in found if not turn.meant]
    right = [mean(t.taken(threshold) == t.meant for t in part) if part else 0.0 for part in (plain, courteous)]
    wrong = mean(t.taken(threshold) not in (None, t.meant) for t in plain + courteous) if plain or courteous else 0.0
    taken = mean(t.taken(threshold) is not None for t in others) if others else 0.0
    costs = f"{mean(t.cpu_ms for t in found):6.1f} {mean(t.wait_ms for t in found):6.1f}"
    return f"{len(plain):5} {right[0]:6.1%} {right[1]:6.1%} {wrong:6.1%} {len(others):6} {taken:6.1%} {costs}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", default="first", choices=SETS)
    parser.add_argument("--rate", type=float, default=1.0)
    parser.add_argument("--lsb", action="store_true")
    parser.add_argument("--voices", default=",".join(VOICES))
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--thresholds", default="0,0.3,0.5,0.7")
    parser.add_argument("--show", action="store_true", help="list the errors at the last threshold")
    args = parser.parse_args()
    voices = [voice for voice in args.voices.split(",") if is_installed(voice)]
    sentences = SETS[args.set]
    found = list(turns(voices, args.share, args.seed, sentences, rate=args.rate, lsb=args.lsb))
    thresholds = [float(text) for text in args.thresholds.split(",")]
    print(f"{'':32} plain  right court. wrong  others taken  cpu ms wait ms")
    for threshold in thresholds:
        print(f"{f'confidence {threshold:g}':32}{rates(found, threshold)}")
    middle = thresholds[-1] if args.show else 0.5
    containing = {text for texts in sentences.containing.values() for text in texts}
    if containing:
        part = [turn for turn in found if turn.said in containing or turn.meant]
        print(f"{'with a phrase in them':32}{rates(part, middle)}")
    for name in [case.name for case in sentences.cases]:
        print(f"{name:32}{rates([turn for turn in found if turn.case == name], middle)}")
    for voice in voices:
        print(f"{voice:32}{rates([turn for turn in found if turn.voice == voice], middle)}")
    for turn in found:
        if args.show and turn.taken(middle) != turn.meant:
            print(f"{turn.case}: {turn.said!r} by {turn.voice} became {turn.text!r} ({turn.confidence:.2f})")


if __name__ == "__main__":
    main()

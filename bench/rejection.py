"""Which utterances a question accepts as one of its choices: right answers, polite ones, and anything else.

    .venv/bin/python -m bench.rejection [--voices flite:slt,espeak:en-gb] [--share 0.3] [--seed 1] [--show]

Every phrase and `share` of the other sentences is spoken by every voice that is installed, each over a line of its own
(`bench.phone_line`), to the embedded recogniser as an engine host runs it. The phone network was trained without these
voices and sentences. Columns: `right` of right answers became their choice, of which `courteous` had words of courtesy
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

from bench.phone_line import for_recogniser, is_installed, over_the_line, speak
from offhook.pipeline.asr.grammar import match, question_grammar
from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.engine_host.pocketsphinx_engine import HostedPocketsphinx
from offhook.pipeline.engine_host.protocol import Kind
from offhook.pipeline.events import Choice, DigitRule, Question

VOICES = ("flite:slt", "espeak:en-gb", "espeak:en-us+m7", "festival:cmu_us_slt_arctic_hts")
"""None of them is a training voice."""

CHUNK_BYTES = 640


@dataclass(frozen=True)
class Case:
    """A question, its right answers, and the same with words of courtesy around them."""

    name: str
    question: Question
    right: tuple[str, ...]
    courteous: tuple[str, ...]

    def meaning(self, text: str) -> str | None:
        """The choice or the digits that `text` stands for."""
        return spoken_digits(text) if self.question.digits else match(text, self.question.choices)


def _choices(name: str, phrases: Sequence[str], courteous: Sequence[str]) -> Case:
    question = Question(choices=tuple(Choice(phrase, (phrase,)) for phrase in phrases))
    return Case(name, question, tuple(phrases), tuple(courteous))


CASES = (
    _choices("yes, no", ["yes", "no"], ["yes please", "no thanks", "um no", "uh yes please"]),
    _choices("one to five", ["one", "two", "three", "four", "five"], ["uh three", "number four please", "five please"]),
    _choices(
        "sales, support …",
        ["sales", "support", "billing", "operator"],
        ["i'd like support", "sales please", "uh billing", "operator please"],
    ),
    _choices(
        "confirm, reschedule …",
        ["confirm", "reschedule", "call me back"],
        ["i'd like to confirm", "please call me back", "uh reschedule please"],
    ),
    _choices(
        "two to seven words",
        ["table for two", "take away", "private dining room", "gift card", "talk to the manager about my bill"],
        ["um take away", "i want to talk to the manager about my bill", "gift card please"],
    ),
    Case(
        "digits",
        Question(digits=DigitRule(1, 8)),
        (
            "seven three one",
            "six oh eight four",
            "double nine three",
            "two four six eight",
            "five one",
            "three zero six",
        ),
        ("um seven three one", "six eight four please"),
    ),
)

OTHERS = """pineapple|excuse me|pardon|perhaps later|hold on please|i am not sure|say that again|it is raining outside
next wednesday|the cat is on the garden wall|give me a minute|who am i talking to|i would like some fresh bread
i can not hear you|good morning|let me talk to a human|i need to look that up|drive along the river
that makes no sense to me|one moment|my name is peter baker|what day is today|something else|it is broken
what were the choices|is it expensive|you sound like a robot|my wife knows about that|coffee with milk and sugar
the bus did not come|where are you located|merry christmas|doctor williams is away|please talk more slowly
umbrella|twenty visitors|she wanted to call on monday|another day|television|i did not buy anything
all right then|goodness|wooden table legs|turn the radio off|red and purple flowers"""


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


def turns(voices: Sequence[str], share: float, seed: int, cases: Sequence[Case] = CASES) -> Iterator[Turn]:
    """Speak everything and recognise it."""
    recogniser = Recogniser()
    others = OTHERS.replace("\n", "|").split("|")
    choose = np.random.default_rng(seed)
    for case in cases:
        grammar = question_grammar(case.question)
        said = [(text, False) for text in case.right] + [(text, True) for text in case.courteous]
        for voice in voices:
            for text, courteous in [*said, *((text, False) for text in others if choose.random() < share)]:
                meant = None if text in others else case.meaning(text)
                rng = np.random.default_rng(zlib.crc32(f"{seed}{case.name}{voice}{text}".encode()))
                pcm = for_recogniser(over_the_line(speak(voice, text), rng))
                found, confidence, cpu_ms, wait_ms = recogniser.recognise(pcm, grammar)
                result = found, case.meaning(found), confidence, cpu_ms, wait_ms
                yield Turn(case.name, voice, text, meant, courteous, *result)


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
    parser.add_argument("--voices", default=",".join(VOICES))
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--thresholds", default="0,0.3,0.5,0.7")
    parser.add_argument("--show", action="store_true", help="list the errors at the last threshold")
    args = parser.parse_args()
    voices = [voice for voice in args.voices.split(",") if is_installed(voice)]
    found = list(turns(voices, args.share, args.seed))
    thresholds = [float(text) for text in args.thresholds.split(",")]
    print(f"{'':32} plain  right court. wrong  others taken  cpu ms wait ms")
    for threshold in thresholds:
        print(f"{f'confidence {threshold:g}':32}{rates(found, threshold)}")
    middle = thresholds[-1] if args.show else 0.5
    for name in [case.name for case in CASES]:
        print(f"{name:32}{rates([turn for turn in found if turn.case == name], middle)}")
    for voice in voices:
        print(f"{voice:32}{rates([turn for turn in found if turn.voice == voice], middle)}")
    for turn in found:
        if args.show and turn.taken(middle) != turn.meant:
            print(f"{turn.case}: {turn.said!r} by {turn.voice} became {turn.text!r} ({turn.confidence:.2f})")


if __name__ == "__main__":
    main()

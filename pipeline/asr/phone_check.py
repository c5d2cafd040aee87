"""A second opinion on pocketsphinx's sentence, at the end of a turn: what was said, and with what confidence.

pocketsphinx decodes while the caller speaks. It finds the sentence of the grammar that is least unlike what was said,
and there always is one. `PhoneNet` uses no grammar: the phones that it recognises show whether the sentence was there
at all, and which sentence it was if the two disagree.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from offhook.pipeline.asr.courtesies import COURTESIES, HESITATIONS, ON_THE_PHONE, OPENINGS
from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.asr.jsgf import AROUND, WordGraph, parse_jsgf, sentence_graph, surrounded
from offhook.pipeline.asr.phone_decoder import Decoded, PhoneGraph
from offhook.pipeline.asr.phone_net import BLANK, FRAME_MS, PhoneNet, phone_numbers
from offhook.pipeline.asr.voicing import voicing

MAX_GRAMMARS = 64

MIN_LEAD = 6.0
"""The network's sentence replaces pocketsphinx's if its rank is higher by this much (natural log). From 3 to 10 the
results are the same; the margin is for human voices, which only pocketsphinx was trained on."""

MIN_SPOKEN_FRAMES = 1.7
"""Minimum number of frames that are not blank: noise is nearly all blanks. 318 right answers ("two", "no") had 2.0 or
more; a click, a hum, a breath and a burst of noise 0.7 to 1.7, a cough or a knock 2.0 to 3.5."""

MIN_VOICING = 0.4
"""Sounds with less have no voice (`asr.voicing`): 0.33 was the least of 85 human phrases with noise 5 dB below them."""

MIN_CONFIDENCE_ALONE = 0.5
"""Minimum confidence of a sentence that pocketsphinx did not find."""

CERTAIN = 0.9
"""From this confidence on, reached without pocketsphinx's agreement, its sentence is not looked for: that takes ten
times as long as all the rest."""

MOST_FREEDOM = 0.8
"""More freedom does not count. The weight was fitted on menus and digits, which have up to 1; grammars of dates, times
and amounts have up to 2, and no short answer was accepted against that. Of 375 values in five voices 273 were right and
taken without this limit, and 307 with it (wrong 16 and 23); of 240 other sentences 4 and 7 were taken."""

Pronounce = Callable[[str], Sequence[Sequence[str]]]
"""The pronunciations of a word in ARPAbet, none if it is not in the dictionary."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence of the grammar ("" if there was no speech), the confidence in it, 0 to 1, and its words with the times
    in the audio that was checked."""

    text: str
    confidence: float
    words: tuple[RecognisedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The inputs to the confidence.

    `cost` is how much less likely (natural log) the sentence is than the network's likeliest phones, per square root of
    the number of phones of the answer: long answers may be slightly wrong in more places. `edits` is the number of
    missing, different or extra phones per phone of the sentence. `disagreed` is 1 if pocketsphinx found another
    sentence, and words of courtesy, which it does not know, do not explain that; `unfound` is 1 if it found none.
    `courteous` is 1 if there were such words: they are short, and fit many sounds. `freedom` is how much choice the
    grammar leaves (natural log of the number of words, per phone of the answer): digits in any number fit almost
    anything. `doubt` is how unsure the network is of its likeliest phones (natural log): in noise everything fits.
    """

    cost: float
    edits: float
    disagreed: float
    unfound: float
    courteous: float
    freedom: float
    doubt: float


@dataclass(frozen=True, slots=True)
class Listened:
    """What the network makes of some speech.

    `relative` are its log probabilities, relative to those of the likeliest phones, which are `seen`; `best` is the
    likeliest sentence of the grammar, None if there is none.
    """

    relative: NDArray[np.float32]
    seen: tuple[int, ...]
    doubt: float
    best: Decoded | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence as it was decoded, and the evidence."""

    decoded: Decoded
    evidence: Evidence


WEIGHTS = (0.543, 5.3, 0.282, 1.1, 1.34, 7.12, 0.873)
BIAS = 11.0
"""Logistic regression on 2,000 turns over clean and bad lines by `bench/fit_confidence.py`: phrases cut from human
recordings, sentences by voices unknown to the network, and sounds; answers and other speech weigh the same. The bias is
0.3 higher than fitted, since answers of people who are not in the material have less. What it does with such
people: docs/decisions/0013-hearing.md."""


WORD_COST, WORD_BIAS = 0.61, 1.4
"""Logistic regression on 301 words of free speech by several people, a third of them wrong (`bench/fit_words.py`); see
`word_confidence`."""


class PhoneCheck:
    """The check, with its compiled grammars."""

    def __init__(self, pronounce: Pronounce, net: PhoneNet | None = None) -> None:
        self._net = net or PhoneNet()
        self._pronounce = pronounce
        self._graphs: OrderedDict[str, PhoneGraph | None] = OrderedDict()

    def check(self, pcm: NDArray[np.int16], grammar: str, find: Callable[[], str]) -> Checked:
        """What was said in 16-bit PCM at 16 kHz to a question with the JSGF `grammar`.

        `find` returns the sentence that pocketsphinx finds, "" if none; it is only called if that can make a
        difference.
        """
        listened = self.listen(pcm, grammar)
        if listened is None:
            return Checked("", 0.0)
        best = listened.best
        found = text_of(best) if best is not None and certain_alone(listened, best) else find()
        judged = self.judge(listened, found)
        if judged is None:
            return Checked("", 0.0)
        sure = confidence(judged.evidence)
        if not found and sure < MIN_CONFIDENCE_ALONE:
            return Checked("", 0.0)  # a cough or a knock, without words
        return Checked(text_of(judged.decoded), sure, _words(judged.decoded))

    def listen(self, pcm: NDArray[np.int16], grammar: str) -> Listened | None:
        """What the network makes of it; None if there was no speech."""
        if voicing(pcm) < MIN_VOICING:
            return None
        log_probs = self._net.log_probs(pcm)
        seen = phones_seen(log_probs)
        spoken_frames = float((1 - np.exp(log_probs[:, BLANK])).sum())
        if not seen or spoken_frames < MIN_SPOKEN_FRAMES:
            return None
        relative = log_probs - log_probs.max(1, keepdims=True)
        graph = self._graph(grammar)
        best = graph.decode(relative) if graph is not None else None
        return Listened(relative, tuple(seen), doubt_of(log_probs), best)

    def judge(self, listened: Listened, found: str) -> Judged | None:
        """The sentence, and what speaks for and against it, with the one that pocketsphinx `found`; None if neither
        found one."""
        best = listened.best
        if found and (best is None or text_of(best) != found):
            other = self._compiled(sentence_graph(found.split())).decode(listened.relative)
            if other is not None and (best is None or best.rank - other.rank < MIN_LEAD):
                best = other
        return None if best is None else Judged(best, gather_evidence(best, listened, found))

    def words(self, pcm: NDArray[np.int16], text: str) -> tuple[RecognisedWord, ...]:
        """The words of free speech in 16-bit PCM at 16 kHz, with their times and how sure each is; none if they do not
        fit into it."""
        if not text:
            return ()
        log_probs = self._net.log_probs(pcm)
        try:
            graph = PhoneGraph(sentence_graph(text.split()), self._phones)
        except ValueError:  # a word without pronunciation
            return ()
        decoded = graph.decode(log_probs - log_probs.max(1, keepdims=True))
        return () if decoded is None else _words(decoded)

    def _graph(self, grammar: str) -> PhoneGraph | None:
        """None for a grammar that only pocketsphinx can read: then only its sentence is checked."""
        if grammar not in self._graphs:
            try:
                self._graphs[grammar] = self._compiled(parse_jsgf(grammar))
            except ValueError:
                self._graphs[grammar] = None
            if len(self._graphs) > MAX_GRAMMARS:
                self._graphs.popitem(last=False)
        self._graphs.move_to_end(grammar)
        return self._graphs[grammar]

    def _compiled(self, graph: WordGraph) -> PhoneGraph:
        return PhoneGraph(surrounded(graph, (HESITATIONS, OPENINGS), (COURTESIES,)), self._phones)

    def _phones(self, word: str) -> list[tuple[int, ...]]:
        spoken = list(self._pronounce(word.removeprefix(AROUND)))
        if word.startswith(AROUND):
            spoken += [phones.split() for phones in ON_THE_PHONE.get(word.removeprefix(AROUND), ())]
        return [phone_numbers(phones) for phones in spoken]


def phones_seen(log_probs: NDArray[np.float32]) -> list[int]:
    """The likeliest phone of each frame, without repetitions and blanks."""
    best = log_probs.argmax(1)
    changed = np.append(True, best[1:] != best[:-1])
    return [int(phone) for phone in best[changed & (best != BLANK)]]


def freedom_of(decoded: Decoded) -> float:
    """See Evidence; of a sentence decoded with all of its grammar."""
    answer = [word for word in decoded.words if not word.text.startswith(AROUND)]
    freedom = sum(log(word.choices) for word in answer) / sum(len(word.phones) for word in answer)
    return min(freedom, MOST_FREEDOM)


def doubt_of(log_probs: NDArray[np.float32]) -> float:
    """See Evidence; at least one frame is a phone's."""
    best = log_probs.argmax(1)
    return -float(log_probs.max(1)[best != BLANK].mean())


def gather_evidence(decoded: Decoded, listened: Listened, found: str) -> Evidence:
    """The evidence for a sentence; `found` is pocketsphinx's."""
    phones = [phone for word in decoded.words for phone in word.phones]
    answer = sum(len(word.phones) for word in decoded.words if not word.text.startswith(AROUND))
    courteous = answer < len(phones)
    return Evidence(
        cost=-decoded.score / sqrt(answer),
        edits=_edits(listened.seen, phones) / len(phones),
        disagreed=float(bool(found) and text_of(decoded) != found and not courteous),
        unfound=float(not found),
        courteous=float(courteous),
        freedom=0.0 if listened.best is None else freedom_of(listened.best),
        doubt=listened.doubt,
    )


def certain_alone(listened: Listened, best: Decoded) -> bool:
    """Whether the network's best sentence is certain even if pocketsphinx finds none."""
    return confidence(gather_evidence(best, listened, "")) >= CERTAIN


def confidence(evidence: Evidence, weights: Sequence[float] = WEIGHTS, bias: float = BIAS) -> float:
    """The confidence, 0 to 1; see BIAS for the meaning of 0.5."""
    against = sum(weight * value for weight, value in zip(weights, astuple(evidence), strict=True)) - bias
    return 1 / (1 + exp(min(against, 50.0)))


def word_confidence(cost: float) -> float:
    """The share of words that are right among those whose phones are so much less likely (natural log, per phone) than
    the network's likeliest."""
    return 1 / (1 + exp(min(WORD_COST * cost - WORD_BIAS, 50.0)))


def _words(decoded: Decoded) -> tuple[RecognisedWord, ...]:
    frame_s = FRAME_MS / 1_000
    return tuple(
        RecognisedWord(
            word.text,
            word.start * frame_s,
            word.end * frame_s,
            round(word_confidence(-word.score / len(word.phones)), 3),
        )
        for word in decoded.words
        if not word.text.startswith(AROUND)
    )


def text_of(decoded: Decoded) -> str:
    """The sentence, without words AROUND it."""
    return " ".join(word.text for word in decoded.words if not word.text.startswith(AROUND))


def _edits(one: Sequence[int], other: Sequence[int]) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for at, phone in enumerate(one, 1):
        above = row
        row = [at]
        for column, wanted in enumerate(other, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (phone != wanted)))
    return row[-1]

import numpy as np
import pytest

from offhook.pipeline.asr.jsgf import AROUND, WordGraph, parse_jsgf, sentence_graph, surrounded
from offhook.pipeline.asr.phone_decoder import PHONE_BONUS, Decoded, GraphTooLargeError, PhoneGraph
from offhook.pipeline.asr.phone_net import BLANK

A, B, C = 1, 2, 3
WORDS = {"a": [[A]], "b": [[B]], "ab": [[A, B]], "aa": [[A, A]], "cab": [[C, A, B], [A, B, C]], "double": [[C, C]]}


def graph(expansion: str) -> PhoneGraph:
    return PhoneGraph(parse_jsgf(f"#JSGF V1.0; grammar g; public <s> = {expansion};"), lambda word: WORDS.get(word, []))


def saw(*frames: int, sure: float = 0.9) -> np.ndarray:
    """Log probabilities of `sure` for the phone of each frame."""
    probs = np.full((len(frames), 4), (1 - sure) / 3, np.float32)
    probs[np.arange(len(frames)), frames] = sure
    return np.log(probs)


def text(decoded: Decoded | None) -> str | None:
    return None if decoded is None else " ".join(word.text for word in decoded.words)


@pytest.mark.parametrize(
    ("expansion", "frames", "expected"),
    [
        ("a | b", (BLANK, A, A, BLANK), "a"),
        ("a | b", (B,), "b"),
        ("ab | a b | aa", (A, A, BLANK, A), "aa"),
        ("a | aa", (A, A, A), "a"),  # without a blank between them it is one
        ("a+", (A, BLANK, A, BLANK, BLANK, A), "a a a"),
        ("(a | b)+", (A, B, B, BLANK, B, A), "a b b a"),
        ("cab", (A, B, C), "cab"),
        ("[double] (a | b)", (C, BLANK, C, B), "double b"),
        ("a b | b a", (B, BLANK, A), "b a"),
    ],
)
def test_the_likeliest_sentence_is_found(expansion: str, frames: tuple[int, ...], expected: str) -> None:
    assert text(graph(expansion).decode(saw(*frames))) == expected


def test_the_score_is_the_log_probability_of_the_alignment() -> None:
    decoded = graph("ab").decode(saw(BLANK, A, B, BLANK))
    assert decoded is not None
    assert decoded.score == pytest.approx(4 * np.log(0.9), abs=1e-5)
    worse = graph("b").decode(saw(BLANK, A, B, BLANK))
    assert worse is not None
    assert worse.score == pytest.approx(3 * np.log(0.9) + np.log(0.1 / 3), abs=1e-5)


def test_each_word_has_its_phones_and_its_part_of_the_score() -> None:
    decoded = graph("a b").decode(saw(A, BLANK, C, B, BLANK))
    assert decoded is not None
    assert [word.phones for word in decoded.words] == [(A,), (B,)]
    assert sum(word.score for word in decoded.words) == pytest.approx(decoded.score, abs=1e-4)


def test_each_word_has_its_frames() -> None:
    decoded = graph("a b").decode(saw(BLANK, A, A, BLANK, B, B, BLANK))
    assert decoded is not None
    assert [(word.start, word.end) for word in decoded.words] == [(1, 3), (4, 6)]


@pytest.mark.parametrize(
    ("expansion", "choices"), [("a b", [1, 1]), ("a b | ab", [2, 1]), ("(a | b | ab)+", [3, 3]), ("a [b]", [1, 1])]
)
def test_each_word_has_the_number_of_words_in_its_place(expansion: str, choices: list[int]) -> None:
    decoded = graph(expansion).decode(saw(A, BLANK, B))
    assert decoded is not None
    assert [word.choices for word in decoded.words] == choices[: len(decoded.words)]


def test_leading_silence_belongs_to_no_word() -> None:
    decoded = graph("a").decode(saw(BLANK, BLANK, A))
    assert decoded is not None
    assert decoded.words[0].score == pytest.approx(np.log(0.9), abs=1e-5)


def test_a_word_that_is_heard_badly_is_not_left_out() -> None:
    frames = saw(A, BLANK, B)
    frames[2] = np.log([0.6, 0.1, 0.2, 0.1])  # most likely nothing
    assert text(graph("a | ab").decode(frames)) == "ab"
    polite = surrounded(sentence_graph(["a"]), (), (("b",),))
    decoded = PhoneGraph(polite, lambda word: WORDS[word.removeprefix(AROUND)]).decode(frames)
    assert text(decoded) == "a", "courtesies need not be there"


def test_too_few_frames_give_no_sentence() -> None:
    assert graph("aa").decode(saw(A, A)) is None
    assert graph("a").decode(saw()) is None


def test_no_path_is_better_than_the_one_found() -> None:
    """Compared with all alignments of a small grammar."""
    rng = np.random.default_rng(3)
    compiled = graph("a | ab | aa | b a")
    for _ in range(50):
        log_probs = np.log(rng.dirichlet(np.ones(4), 6)).astype(np.float32)
        decoded = compiled.decode(log_probs)
        assert decoded is not None
        sentences = ([A], [A, B], [A, A], [B, A])
        best = max(_best(log_probs, phones) + PHONE_BONUS * len(phones) for phones in sentences)
        assert decoded.rank == pytest.approx(best, abs=1e-3)


def _best(log_probs: np.ndarray, phones: list[int]) -> float:
    best = -np.inf
    for path in np.ndindex(*[4] * len(log_probs)):
        collapsed = [p for at, p in enumerate(path) if p != BLANK and (at == 0 or path[at - 1] != p)]
        if collapsed == phones:
            best = max(best, float(log_probs[np.arange(len(path)), path].sum()))
    return best


def test_unknown_words_and_empty_grammars_are_refused() -> None:
    with pytest.raises(ValueError, match="'xyzzy' has no pronunciation"):
        graph("a | xyzzy")
    with pytest.raises(ValueError, match="no sentence"):
        PhoneGraph(sentence_graph([]), lambda word: WORDS[word])
    with pytest.raises(ValueError, match="no sentence"):
        PhoneGraph(WordGraph(), lambda word: WORDS[word])


def test_a_grammar_that_would_take_too_long_is_refused() -> None:
    words = {f"w{n}": [[A, B]] for n in range(600)}
    loop = parse_jsgf(f"#JSGF V1.0; grammar g; public <s> = ({' | '.join(words)})+;")
    with pytest.raises(GraphTooLargeError):
        PhoneGraph(loop, lambda word: words[word])

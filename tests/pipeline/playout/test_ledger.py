"""Samples and words: what was played, what was not, where to resume."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.playout.ledger import PlayoutLedger, Utterance
from offhook.pipeline.tts.engine import Word
from offhook.pipeline.tts.pace import spread

TEXT = "One two, three. Four!"


def utterance(text: str = TEXT, ticks: int = 2_100, *, words: bool = True) -> Utterance:
    made = Utterance(text)
    made.append(bytes(ticks), spread(text, ticks) if words else ())
    made.complete = True
    return made


def letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def test_nothing_is_played_before_it_begins() -> None:
    ledger = PlayoutLedger(utterance())
    assert not ledger.begun
    heard = ledger.playback(10_000)
    assert (heard.text_played, heard.text_unplayed, heard.interrupted) == ("", TEXT, True)


def test_the_last_sample_completes_it() -> None:
    ledger = PlayoutLedger(utterance())
    ledger.queue(0, 2_100, 500)
    assert ledger.playback(500 + 2_100).text_played == TEXT
    assert not ledger.playback(500 + 2_100).interrupted


@pytest.mark.parametrize(
    ("line_tick", "heard", "unheard"),
    [
        (299, "", TEXT),
        (300, "One", "two, three. Four!"),
        (799, "One", "two, three. Four!"),
        (800, "One two,", "three. Four!"),
        (1_500, "One two, three.", "Four!"),
        (2_099, "One two, three.", "Four!"),
    ],
)
def test_a_word_counts_with_its_last_sample(line_tick: int, heard: str, unheard: str) -> None:
    ledger = PlayoutLedger(utterance())
    ledger.queue(0, 2_100, 0)
    found = ledger.playback(line_tick)
    assert (found.text_played, found.text_unplayed) == (heard, unheard)


def test_adjacent_pieces_are_joined() -> None:
    made = Utterance(TEXT)
    ledger = PlayoutLedger(made)
    first, second = "One two, three.", "Four!"
    made.append(bytes(1_000), spread(first, 1_000))
    ledger.queue(0, 1_000, 0)
    assert ledger.playback(1_000).text_unplayed == second
    made.append(bytes(500), spread(second, 500), TEXT.index(second))
    ledger.queue(1_000, 500, 1_000)
    made.complete = True
    assert ledger.queued_to == 1_500
    assert ledger.playback(1_500).text_unplayed == ""


def test_nothing_is_complete_while_more_is_to_come() -> None:
    made = Utterance(TEXT)
    ledger = PlayoutLedger(made)
    made.append(bytes(1_000), spread("One two, three.", 1_000))
    ledger.queue(0, 1_000, 0)
    assert ledger.playback(1_000).text_played == "One two, three."


def test_what_the_voice_could_not_say_is_unplayed() -> None:
    made = Utterance(TEXT)
    ledger = PlayoutLedger(made)
    made.append(bytes(1_000), spread("One two, three.", 1_000))
    made.failed_at, made.complete = TEXT.index("Four"), True
    ledger.queue(0, 1_000, 0)
    assert (ledger.playback(1_000).text_played, ledger.playback(1_000).text_unplayed) == ("One two, three.", "Four!")


def test_without_word_positions_the_pace_is_even() -> None:
    ledger = PlayoutLedger(utterance(words=False))
    ledger.queue(0, 2_100, 0)
    assert ledger.playback(0).text_played == ""
    assert ledger.playback(1_050).text_played == "One two,"
    assert ledger.playback(2_100).text_played == TEXT
    assert ledger.resume_point(1_050) == 1_050


def test_an_empty_prompt_counts_as_played() -> None:
    made = Utterance("", complete=True)
    assert not PlayoutLedger(made).playback(0).interrupted


def test_a_pause_and_the_second_stretch() -> None:
    ledger = PlayoutLedger(utterance())
    ledger.queue(0, 2_100, 0)
    ledger.cut(600)
    assert ledger.queued_to == 600
    start = ledger.resume_point(600)
    assert start == 400
    ledger.queue(start, 2_100 - start, 600)
    assert ledger.playback(600 + 300).text_played == "One"
    assert ledger.playback(600 + 400).text_played == "One two,"
    assert ledger.playback(600 + 1_700).text_played == TEXT


def test_a_cut_before_anything_left() -> None:
    ledger = PlayoutLedger(utterance())
    ledger.queue(0, 2_100, 70)
    ledger.cut(70)
    assert ledger.begun
    assert ledger.queued_to == 0
    assert ledger.resume_point(70) == 0


@dataclass(frozen=True)
class Story:
    """A text, its pieces' lengths, and the moments at which it is cut and resumed."""

    text: str
    ticks: list[int]
    cuts: list[float]
    with_words: bool


word = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=6)
mark = st.sampled_from(["", ",", ".", "!", "?", ";"])
texts = st.lists(st.tuples(word, mark), min_size=1, max_size=8).map(lambda parts: " ".join(w + m for w, m in parts))
stories = st.builds(
    Story,
    texts,
    st.lists(st.integers(0, 3_000), min_size=1, max_size=3),
    st.lists(st.floats(0, 1), max_size=4),
    st.booleans(),
)


@given(stories)
def test_nothing_is_lost_and_only_the_interrupted_word_is_repeated(story: Story) -> None:
    made = Utterance(story.text)
    total = sum(story.ticks)
    made.append(bytes(total), spread(story.text, total) if story.with_words else ())
    made.complete = True
    ledger = PlayoutLedger(made)
    line = start = 0
    for cut in [*story.cuts, 1.0]:
        ledger.queue(start, total - start, line)
        assert ledger.queued_to == total
        here = line + int((total - start) * cut)
        for at in (line, (line + here) // 2, here):
            heard = ledger.playback(at)
            assert letters(heard.text_played) + letters(heard.text_unplayed) == letters(story.text)
            assert heard.interrupted is bool(heard.text_unplayed)
        position = ledger.position(here)
        ledger.cut(here)
        assert ledger.position(here) == position <= ledger.position(here + 10_000)
        start = ledger.resume_point(here)
        assert 0 <= start <= position <= total
        assert not [w for w in made.words if w.start_sample < start < min(w.end_sample, position)]
        line = here
    assert ledger.playback(line).interrupted is (total == 0)


@given(st.lists(st.tuples(st.integers(0, 500), st.text(max_size=9)), max_size=4))
def test_pieces_keep_their_positions(pieces: list[tuple[int, str]]) -> None:
    text = "".join(piece for _, piece in pieces)
    made, at = Utterance(text), 0
    for ticks, piece in pieces:
        made.append(bytes(ticks), (Word(piece, 0, len(piece), 0, ticks),), at)
        at += len(piece)
    assert [text[w.char_start : w.char_end] for w in made.words] == [piece for _, piece in pieces]
    assert [w.end_sample - w.start_sample for w in made.words] == [ticks for ticks, _ in pieces]
    assert made.ticks == sum(ticks for ticks, _ in pieces)


def test_an_utterance_on_a_wideband_line_counts_in_ticks() -> None:
    utterance = Utterance("one two", bytes_per_tick=4)
    utterance.append(bytes(400), (Word("one", 0, 3, 0, 90),))
    utterance.append(b"\1" * 400, (Word("two", 0, 3, 10, 100),), 4)
    assert utterance.ticks == 200
    assert [(word.start_sample, word.end_sample) for word in utterance.words] == [(0, 90), (110, 200)]
    assert utterance.payload_from(150) == b"\1" * 200
    assert utterance.payload_from(50) == bytes(200) + b"\1" * 400
    assert utterance.payload_from(200) == b""


def test_audio_is_shared_with_the_clip_it_came_from() -> None:
    clip, words = bytes(range(200)), (Word("one", 0, 3, 0, 90),)
    utterance = Utterance("one two")
    utterance.append(clip, words)
    assert utterance.payload_from(0) is clip
    assert utterance.words[0] is words[0]
    utterance.append(clip, words, 4)
    assert utterance.payload_from(200) is clip


def test_the_words_that_were_played_have_times() -> None:
    made = utterance("One two")
    made.append(bytes(800), (Word("three", 0, 5, 100, 600),), 8)
    made.text += " three"
    ledger = PlayoutLedger(made)
    ledger.queue(0, made.ticks, 0)
    words = ledger.played_words(ledger.playback(2_850))
    assert [word.text for word in words] == ["One", "two", "three"]
    assert [word.is_estimated for word in words] == [True, True, False]
    assert (words[2].start_s, words[2].end_s) == (2_200 / 8_000, 2_700 / 8_000)
    assert [word.text for word in ledger.played_words(ledger.playback(2_000))] == ["One"]

"""Words of given speech, placed by when their transcript came."""

from offhook.pipeline.playout.ledger import PlayoutLedger, Utterance
from offhook.pipeline.transcript_pace import TICKS_PER_CHARACTER, TranscriptPace


def grow(*parts: str | int) -> tuple[Utterance, TranscriptPace]:
    """An utterance of transcript and ticks of audio, in the order in which they came."""
    utterance, pace = Utterance("", is_given=True), TranscriptPace()
    for part in parts:
        if isinstance(part, str):
            utterance.text += part
            pace.text(utterance, len(part))
        else:
            utterance.append(bytes(part), ())
            pace.place(utterance)
    return utterance, pace


def places(utterance: Utterance) -> list[tuple[str, int, int]]:
    return [(word.text, word.start_sample, word.end_sample) for word in utterance.words]


def test_a_word_begins_where_the_audio_was_when_it_came() -> None:
    utterance, _ = grow("one ", 400, "two ", 800, "six", 300)
    assert [start for _, start, _ in places(utterance)] == [0, 400, 1_200]
    assert all(word.is_estimated for word in utterance.words)


def test_pieces_of_a_word_make_one_word() -> None:
    utterance, _ = grow("he", 100, "llo ", 200, "wor", 100, "ld")
    assert [(word.text, word.char_start, word.char_end) for word in utterance.words] == [
        ("hello", 0, 5),
        ("world", 6, 11),
    ]


def test_text_that_came_at_once_is_spread_over_its_audio() -> None:
    utterance, pace = grow("one two six", 1_100)
    last = utterance.words[-1].end_sample
    assert last == 11 * TICKS_PER_CHARACTER  # at a usual pace, while there may be more audio
    utterance.complete = True
    pace.place(utterance)
    assert places(utterance) == [("one", 0, 300), ("two", 400, 700), ("six", 800, 1_100)]


def test_what_is_cut_counts_as_interrupted_whatever_its_transcript() -> None:
    utterance, _ = grow(8_000)
    ledger = PlayoutLedger(utterance)
    ledger.queue(0, 8_000, 0)
    playback = ledger.playback(4_000)
    assert playback.interrupted
    assert playback.played_s == 0.5
    utterance.complete = True
    assert not ledger.playback(8_000).interrupted

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offhook.pipeline.asr.courtesies import COURTESIES, HESITATIONS, OPENINGS
from offhook.pipeline.asr.phone_check import CERTAIN, Checked, Evidence, PhoneCheck, confidence
from offhook.pipeline.asr.phone_net import BLANK, PHONES, PhoneNet, phone_numbers

SPEECH = Path(__file__).parents[2] / "data" / "speech"
DICTIONARY = {
    "check": ["CH EH K"],
    "my": ["M AY"],
    "balance": ["B AE L AH N S"],
    "opening": ["OW P AH N IH NG"],
    "hours": ["AW ER Z", "AW R Z"],
    "goodbye": ["G UH D B AY"],
    "four": ["F AO R"],
    "two": ["T UW"],
    "seven": ["S EH V AH N"],
    "five": ["F AY V"],
}
"""Of pocketsphinx; the words of courtesy have one phone here, which no test needs."""

MENU = "#JSGF V1.0; grammar g; public <g> = check my balance | opening hours | goodbye;"
DIGITS = "#JSGF V1.0; grammar g; public <g> = (two | four | five | seven)+;"
AROUND = {word for phrase in (*HESITATIONS, *OPENINGS, *COURTESIES) for word in phrase.split()}


def pronounce(word: str) -> list[list[str]]:
    assert word in DICTIONARY or word in AROUND
    return [phones.split() for phones in DICTIONARY.get(word, ["ZH"])]


def speech(name: str) -> np.ndarray:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def checked_by(check: PhoneCheck, pcm: np.ndarray, grammar: str, found: str) -> Checked:
    return check.check(pcm, grammar, lambda: found)


@pytest.fixture(scope="module")
def check() -> PhoneCheck:
    return PhoneCheck(pronounce)


def test_what_was_said_is_accepted(check: PhoneCheck) -> None:
    checked = checked_by(check, speech("check_my_balance"), MENU, "check my balance")
    assert checked.text == "check my balance"
    assert checked.confidence > 0.8


def test_the_words_have_their_times(check: PhoneCheck) -> None:
    pcm = speech("check_my_balance")
    for words in (checked_by(check, pcm, MENU, "check my balance").words, check.words(pcm, "check my balance")):
        assert [word.text for word in words] == ["check", "my", "balance"]
        times = [time for word in words for time in (word.start_s, word.end_s)]
        assert times == sorted(times) and times[0] >= 0 and times[-1] <= len(pcm) / 16_000
        assert words[2].end_s - words[2].start_s > words[1].end_s - words[1].start_s
        assert all(word.confidence is not None and word.confidence > 0.5 for word in words)


def test_words_of_free_speech_that_were_not_said_are_less_sure(check: PhoneCheck) -> None:
    pcm = speech("check_my_balance")
    said, other = check.words(pcm, "check my balance"), check.words(pcm, "check seven balance")
    assert (other[1].confidence or 0.0) < (said[1].confidence or 0.0) - 0.2
    assert check.words(pcm, "") == check.words(np.zeros(0, np.int16), "check") == ()


@pytest.mark.parametrize("found", ["", "opening hours", "goodbye"])
def test_a_wrong_sentence_from_pocketsphinx_is_overruled(check: PhoneCheck, found: str) -> None:
    checked = checked_by(check, speech("check_my_balance"), MENU, found)
    assert checked.text == "check my balance"
    agreed = checked_by(check, speech("check_my_balance"), MENU, "check my balance")
    assert 0.2 < checked.confidence <= agreed.confidence


def test_pocketsphinx_is_not_asked_about_what_is_certain_without_it(check: PhoneCheck) -> None:
    asked = []

    def find() -> str:
        asked.append("pocketsphinx")
        return "goodbye"

    sure = check.check(speech("check_my_balance"), MENU, find)
    assert sure.text == "check my balance" and sure.confidence >= CERTAIN and not asked
    check.check(speech("four_two_seven"), MENU, find)
    assert asked


def test_digits_in_any_number(check: PhoneCheck) -> None:
    checked = checked_by(check, speech("four_two_seven"), DIGITS, "four two seven five")
    assert checked.text == "four two seven"
    assert checked.confidence > 0.3


@pytest.mark.parametrize("found", ["opening hours", "goodbye", "check my balance", ""])
def test_what_was_not_said_is_rejected(check: PhoneCheck, found: str) -> None:
    checked = checked_by(check, speech("four_two_seven"), MENU, found)
    assert checked.confidence < 0.2


@pytest.mark.parametrize("thanks", ["TH AE NG K Y UW", "S AE NG K Y UW", "S AE N K Y UW", "S AE NG K S"])
def test_thanks_are_recognised_without_the_th_that_a_phone_line_loses(
    thanks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = phone_numbers(f"F AO R {thanks}".split())
    probs = np.full((3 * len(phones), 1 + len(PHONES)), 1e-3, np.float32)
    for at, phone in enumerate(phones):
        probs[3 * at : 3 * at + 2, phone] = 0.9
        probs[3 * at + 2, BLANK] = 0.9
    monkeypatch.setattr(PhoneNet, "log_probs", lambda net, pcm: np.log(probs))
    words = {"thank": "TH AE NG K", "thanks": "TH AE NG K S", "you": "Y UW"}
    polite = PhoneCheck(lambda word: [words[word].split()] if word in words else pronounce(word))
    checked = checked_by(polite, speech("four_two_seven"), DIGITS, "four")
    assert checked.text == "four"
    assert checked.confidence > 0.9


def test_a_grammar_that_cannot_be_read_leaves_the_sentence_to_be_checked(check: PhoneCheck) -> None:
    recursive = "#JSGF V1.0; grammar g; public <g> = goodbye | check my balance | goodbye <g>;"
    right = checked_by(check, speech("check_my_balance"), recursive, "check my balance")
    assert right.text == "check my balance" and right.confidence > 0.8
    wrong = checked_by(check, speech("four_two_seven"), recursive, "goodbye")
    assert wrong.text == "goodbye" and wrong.confidence < 0.2
    assert checked_by(check, speech("four_two_seven"), recursive, "").text == ""


def test_silence_and_noise_give_no_text(check: PhoneCheck) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(scale=300, size=16_000).astype(np.int16)
    click = rng.normal(scale=4, size=16_000).astype(np.int16)
    click[8_000:8_040] = 20_000
    hum = (3_000 * np.sin(np.arange(16_000) * 2 * np.pi * 100 / 16_000)).astype(np.int16)
    for pcm in (np.zeros(16_000, np.int16), np.zeros(0, np.int16), noise, click, hum):
        for found in ("", "goodbye"):
            assert checked_by(check, pcm, MENU, found).text == ""


def test_more_grammars_than_are_kept(check: PhoneCheck) -> None:
    for number in range(70):
        grammar = MENU.replace("grammar g;", f"grammar g{number};")
        assert checked_by(check, speech("check_my_balance"), grammar, "").text == "check my balance"


def test_all_evidence_against_a_sentence_lowers_the_confidence() -> None:
    good = Evidence(cost=0.6, edits=0.2, disagreed=0.0, unfound=0.0, courteous=0.0, freedom=0.2, doubt=0.3)
    assert confidence(good) > 0.9
    for name, worse in (
        ("cost", 9.0),
        ("edits", 1.2),
        ("disagreed", 1.0),
        ("unfound", 1.0),
        ("courteous", 1.0),
        ("freedom", 1.0),
        ("doubt", 1.5),
    ):
        assert confidence(replace(good, **{name: worse})) < confidence(good)
    assert confidence(Evidence(1e6, 1e3, 1.0, 1.0, 1.0, 1.0, 3.0)) == pytest.approx(0, abs=1e-9)

"""What the real model makes of people, and of what is not speech."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.free_speech import codec, heard_by_recogniser, noisy
from bench.human_speech import SPHINX, clips, words_wrong
from bench.nonspeech import FITTED, HELD_OUT
from bench.nonspeech_held_out import FRESH
from bench.phone_line import over_the_line, read_narrow
from offhook.pipeline.engine_host.protocol import StreamFailure
from offhook.pipeline.engine_host.whisper_model import WhisperModel, confidence
from tests.rates import is_at_most
from tests.whisper_model import model_folder, needs_whisper

pytestmark = needs_whisper

SPEECH = Path(__file__).parents[2] / "data" / "speech"


@pytest.fixture(scope="module")
def model() -> WhisperModel:
    folder = model_folder()
    assert folder is not None
    return WhisperModel(folder)


def narrow(name: str) -> NDArray[np.int16]:
    with wave.open(str(SPEECH / f"{name}.wav")) as file:
        wide = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    return read_narrow(wide, 16_000)


def test_sounds_that_are_not_speech_are_nothing(model: WhisperModel) -> None:
    answered = []
    for make in (*FITTED, *HELD_OUT):
        for number in range(2):
            rng = np.random.default_rng(100 + number)
            line = over_the_line(read_narrow(make(rng)), rng)
            if text := model.recognise(heard_by_recogniser(line), final=False).text:
                answered.append((make.__name__, text))
    assert is_at_most(len(answered), 2 * len((*FITTED, *HELD_OUT)), 0.03), answered


def test_sounds_that_the_weights_were_not_fitted_with_are_nothing(model: WhisperModel) -> None:
    answered = []
    for make in FRESH:
        for number in range(3):
            rng = np.random.default_rng(700 + number)
            line = over_the_line(read_narrow(make(rng)), rng)
            if text := model.recognise(heard_by_recogniser(line), final=False).text:
                answered.append((make.__name__, text))
    assert is_at_most(len(answered), 3 * len(FRESH), 0.03), answered


def test_speech_is_not_lost_in_noise(model: WhisperModel) -> None:
    lost = []
    for name in ("check_my_balance", "four_two_seven"):
        for number in range(6):
            rng = np.random.default_rng(number)
            if not model.recognise(heard_by_recogniser(noisy(narrow(name), 10.0, rng)), final=False).text:
                lost.append((name, number))
    assert is_at_most(len(lost), 12, 0.03), lost


@pytest.mark.skipif(not (Path("/") / SPHINX).is_dir(), reason="apt-get install pocketsphinx-testdata")
def test_people_are_understood(model: WhisperModel) -> None:
    wrong = words = 0
    for clip in clips(Path("/")):
        if clip.group in ("novel", "cards"):
            errors, count = words_wrong(clip.text, model.recognise(heard_by_recogniser(codec(clip.samples))).text)
            wrong, words = wrong + errors, words + count
    assert words == 101
    assert is_at_most(wrong, words, 0.08)


def test_a_louder_or_quieter_caller_is_the_same_caller(model: WhisperModel) -> None:
    for gain in (0.03, 0.1, 1.0):
        samples = np.round(narrow("check_my_balance") * gain).astype(np.int16)
        found = model.recognise(heard_by_recogniser(codec(samples)))
        assert found.text.lower().strip(".") == "check my balance"
        assert found.confidence > 0.5


@pytest.mark.skipif(not (Path("/") / SPHINX).is_dir(), reason="apt-get install pocketsphinx-testdata")
def test_a_phrase_takes_the_place_of_what_sounds_like_it_and_of_nothing_else(model: WhisperModel) -> None:
    others = ("support", "opening hours", "call me back", "nine of diamonds", "yes", "no")
    recordings = [clip for clip in clips(Path("/")) if clip.group in ("novel", "cards")]
    for clip in recordings:
        samples = heard_by_recogniser(codec(clip.samples))
        assert model.recognise(samples, phrases=others).text == model.recognise(samples).text
    (said,) = [clip for clip in recordings if clip.name == "002.wav"]  # "four queen of clubs"
    samples = heard_by_recogniser(codec(said.samples))
    plain = model.recognise(samples)
    assert "clubs" not in plain.text.lower()
    found = model.recognise(samples, phrases=(*others, "queen of clubs"))
    assert found.text.lower().strip(".").endswith("queen of clubs")
    assert found.alternatives == (plain.text,)
    assert found.confidence > plain.confidence
    assert " ".join(word.text for word in found.words) == found.text
    assert model.recognise(samples, final=False, phrases=("queen of clubs",)).text == plain.text


def test_an_expected_phrase_is_surer(model: WhisperModel) -> None:
    samples = heard_by_recogniser(codec(narrow("check_my_balance")))
    alone, expected = (model.recognise(samples, phrases=phrases) for phrases in ((), ("check my balance",)))
    assert alone.text == expected.text and expected.alternatives == ()
    assert alone.confidence < expected.confidence < 1.0
    assert expected.confidence > 0.9


def test_an_english_model_is_asked_for_no_language(model: WhisperModel) -> None:
    samples = heard_by_recogniser(narrow("check_my_balance"))
    assert model.recognise(samples, "de", final=False).text == model.recognise(samples, final=False).text


def test_confidence_rises_with_the_log_probability() -> None:
    found = [confidence(value) for value in (-2.0, -1.0, -0.5, -0.1)]
    assert found == sorted(found)
    assert 0 < found[0] < 0.2 and found[2] > 0.5 and found[-1] < 1


def test_a_folder_that_has_no_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(StreamFailure, match="loading the model"):
        WhisperModel(tmp_path)


class Multilingual:
    """A model that finds a language."""

    is_multilingual = True

    def __init__(self, *found: tuple[str, float]) -> None:
        self._found = list(found)

    def encode(self, features: object) -> object:
        return features

    def detect_language(self, features: object) -> list[list[tuple[str, float]]]:
        return [self._found]


def test_the_likeliest_of_the_languages_that_are_asked_for(
    model: WhisperModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = narrow("check_my_balance")
    assert model.language_of(samples, ("de", "en")) == "de"  # the first: it knows English alone
    monkeypatch.setattr(model, "_model", Multilingual(("<|ru|>", 0.6), ("<|es|>", 0.3), ("<|en|>", 0.1)))
    monkeypatch.setattr(model, "_latest", None)
    assert model.language_of(samples, ("en-US", "es-MX")) == "es-MX"
    assert model.language_of(samples, ("en", "fr")) == "en"
    assert model.language_of(samples, ("it", "fr")) == "it"
    monkeypatch.setattr(model, "_latest", None)


def test_the_same_samples_are_encoded_once(model: WhisperModel) -> None:
    samples = narrow("check_my_balance")
    first = model._encoded(samples, 15.0)
    assert model._encoded(samples.copy(), 15.0) is first
    again = model.recognise(samples)
    assert model._encoded(samples[:-160], 15.0) is not first
    assert model.recognise(samples) == again and again.text

"""The measurement of recognisers: lines, trials from human recordings, and figures."""

from pathlib import Path

import numpy as np
import pytest

from bench.hearing import report
from bench.hearing.__main__ import engine_spec
from bench.hearing.channels import CHANNELS, LEAD_S, RATE_HZ, TAIL_S, Floats, Line, lossy
from bench.hearing.engines import Heard
from bench.hearing.recordings import INSTALLED, ORIGINAL_HZ, Recording, aligned, recordings, to_rate
from bench.hearing.runs import background
from bench.hearing.score import Rate, percentile, score, word_errors
from bench.hearing.sentences import SETS
from bench.hearing.sounds import SOUNDS
from bench.hearing.trials import Trial, human, non_speech
from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.events import Choice, DigitRule, Question
from tests.signals import wav

needs_recordings = pytest.mark.skipif(not INSTALLED.is_dir(), reason="pocketsphinx-testdata is not installed")
MENU = Question(choices=(Choice("yes", ("yes",)), Choice("no", ("no",))))


def tone(hz: float, seconds: float = 1.0, rate_hz: int = RATE_HZ) -> Floats:
    return np.asarray(3_000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz))


def power_db(samples: Floats, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return float(10 * np.log10(spectrum[(hz >= low_hz) & (hz < high_hz)].sum() + 1e-9))


def spoken(samples: np.ndarray) -> Floats:
    return samples[round(LEAD_S * RATE_HZ) : -round(TAIL_S * RATE_HZ)].astype(float)


@pytest.mark.parametrize(("name", "snr_db"), [("noise 20 dB", 20), ("noise 5 dB", 5), ("babble 10 dB", 10)])
def test_noise_has_the_level_that_the_name_says(name: str, snr_db: float) -> None:
    line = Line(background())
    noisy = line.carry(tone(1_000), CHANNELS[name], np.random.default_rng(1))
    pause = noisy[: round(LEAD_S * RATE_HZ)].astype(float)
    level_db = 20 * np.log10(np.sqrt((spoken(noisy) ** 2).mean()) / 32_768)
    assert abs(level_db - (-20 + 10 * np.log10(1 + 10 ** (-snr_db / 10)))) < 1.0
    if not CHANNELS[name].babble:
        assert abs(10 * np.log10((pause**2).mean()) - (20 * np.log10(3_276.8) - snr_db)) < 1.0


def test_the_band_is_cut() -> None:
    speech = tone(150) + tone(1_000) + tone(3_700)
    line = Line([speech])
    whole, cut = (
        spoken(line.carry(speech, CHANNELS[name], np.random.default_rng(1))) for name in ("mu-law", "300-3400 Hz")
    )
    for low_hz, high_hz in ((100, 200), (3_600, 3_800)):
        assert power_db(cut, low_hz, high_hz) < power_db(whole, low_hz, high_hz) - 20
    assert abs(power_db(cut, 900, 1_100) - power_db(whole, 900, 1_100)) < 3


def test_packets_are_lost_in_bursts_at_the_rate() -> None:
    rng = np.random.default_rng(3)
    packets = 4_000
    sent = rng.integers(-9_000, 9_000, packets * 160).astype(np.int16)
    received = lossy(sent, 0.05, rng)
    changed = (received != sent).reshape(-1, 160).mean(1) > 0.9
    low, high = Rate(int(changed.sum()), packets).interval
    assert low < 0.075 and high > 0.035  # bursts make the interval too narrow
    bursts = int((np.diff(changed.astype(int)) == 1).sum()) + int(changed[0])
    assert 2.2 < changed.sum() / bursts < 4.0


def test_every_line_is_the_same_again_with_the_same_seed() -> None:
    line = Line(background())
    for channel in CHANNELS.values():
        one, two, other = (line.carry(tone(500), channel, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert (one == two).all()
        assert (one != other).any()
        assert len(one) == RATE_HZ + round((LEAD_S + TAIL_S) * RATE_HZ)


def test_resampling_keeps_a_tone() -> None:
    narrow = to_rate(tone(1_000, rate_hz=ORIGINAL_HZ), ORIGINAL_HZ, RATE_HZ)
    assert len(narrow) == RATE_HZ
    assert np.abs(narrow[200:-200] - tone(1_000)[200:-200]).max() < 30


@needs_recordings
def test_trials_from_human_recordings() -> None:
    found = recordings(INSTALLED)
    trials = list(human(found, SETS["first"], seed=1))
    by_kind = {
        kind: [trial for trial in trials if trial.kind == kind] for kind in ("closed", "digits", "other", "free")
    }
    assert len(by_kind["free"]) >= 10
    assert len(by_kind["closed"]) >= 25
    assert len(by_kind["other"]) >= 100
    for trial in by_kind["closed"]:
        assert trial.meaning(trial.text) == trial.meant
    for trial in by_kind["digits"]:
        assert trial.meaning(trial.text) == trial.meant is not None
    for trial in by_kind["other"]:
        assert trial.meant is None and trial.meaning(trial.text) is None


@needs_recordings
def test_words_are_found_in_a_recording() -> None:
    (one,) = (one for one in recordings(INSTALLED) if one.text == "seven of clubs")
    words = aligned(one)
    assert [word.text for word in words] == ["seven", "of", "clubs"]
    assert all(0.05 * ORIGINAL_HZ < word.end - word.start < ORIGINAL_HZ for word in words)
    assert aligned(Recording("noise", "seven of hearts", np.zeros(1_600))) == []


def test_a_folder_with_its_transcription(tmp_path: Path) -> None:
    (tmp_path / "transcription").write_text("<s> Seven of  Clubs </s> (one)\n<s> nobody </s> (missing)\nnonsense\n")
    (tmp_path / "one.wav").write_bytes(wav(tone(440).astype("<i2").tobytes(), RATE_HZ))
    (found,) = recordings(tmp_path)
    assert (found.text, len(found.samples), len(found.narrow)) == ("seven of clubs", ORIGINAL_HZ, RATE_HZ)


@pytest.mark.parametrize("name", SOUNDS)
def test_sounds_are_audible_and_short(name: str) -> None:
    sound = SOUNDS[name](np.random.default_rng(1))
    assert 0.1 * RATE_HZ < len(sound) < 3 * RATE_HZ
    assert np.isfinite(sound).all() and sound.std() > 0


def test_every_question_gets_every_sound() -> None:
    assert len(list(non_speech(SETS["first"], 1))) == len(SOUNDS) * len(SETS["first"].cases)


def heard(text: str, confidence: float | None = 0.9) -> Heard:
    return Heard(Transcript(text, confidence), cpu_ms=4.0)


def test_figures() -> None:
    nothing = np.zeros(8)
    yes = Trial("closed", "a", "yes", nothing, MENU, "yes")
    other = Trial("other", "a", "maybe", nothing, MENU)
    pin = Trial("digits", "a", "one two", nothing, Question(digits=DigitRule(2, 2)), "12")
    free = Trial("free", "a", "it is what it is", nothing)
    card = Trial("cards", "a", "ten of clubs", nothing, Question(grammar="#JSGF V1.0;"))
    results = [
        (yes, heard("yes please")),
        (yes, heard("no")),
        (yes, heard("yes", 0.4)),
        (yes, heard("yes", None)),
        (other, heard("no")),
        (other, heard("")),
        (pin, heard("one two")),
        (pin, heard("one two three")),
        (free, heard("It is what it was.")),
        (card, heard("ten clubs", 0.1)),
    ]
    one = score(results, 0.5)
    assert (one.right, one.wrong, one.rejected) == (Rate(2, 4), Rate(1, 4), Rate(1, 4))
    assert (one.taken, one.digits, one.words, one.sentences) == (Rate(1, 2), Rate(1, 2), Rate(1, 5), Rate(0, 1))
    assert (one.closed, one.cards) == (Rate(4, 8), Rate(1, 3))
    assert one.cpu_ms == pytest.approx(4.0)
    assert score(results, 0.0).right == Rate(3, 4)


def test_word_errors_and_rates() -> None:
    assert word_errors(["a", "b", "c"], ["a", "c"]) == 1
    assert word_errors([], ["a"]) == 1
    assert Rate(0, 0).value is None
    low, high = Rate(95, 100).interval
    assert 0.88 < low < 0.95 < high < 0.98
    assert percentile([None, 3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([None], 0.5) is None


def test_an_engine_on_the_command_line_may_have_options() -> None:
    assert engine_spec("whisper") == ("whisper", {})
    assert engine_spec("vosk:model=/m,decoders=2,free_speech=false") == (
        "vosk",
        {"model": "/m", "decoders": 2, "free_speech": False},
    )


def test_the_section_of_the_page() -> None:
    rates = score([(Trial("other", "a", "maybe", np.zeros(8), MENU), heard("no"))], 0.5).to_dict()
    talkers = {
        "talkers": 5,
        "failed": 0,
        "first_partial_p50_ms": None,
        "final_p50_ms": 3.2,
        "final_p95_ms": 9.9,
    }
    found = {"a | mu-law": {"0.5": rates}, "a | grammar, 5 at once": talkers}
    text = report.section(found)
    assert "| a | mu-law | - | - | - | 100.0 % of 1 |" in text
    assert "| a | grammar, 5 at once | - | 3 / 10 | 0 |" in text
    assert report.curves(found, "taken") == {"a": [("mu-law", 100.0)]}

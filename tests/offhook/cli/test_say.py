"""`offhook say` and `offhook voices`, with the engines that need no model file."""

import io
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from offhook.cli import say
from offhook.cli.main import FAILURE, USAGE
from offhook.cli.voices import look_at
from offhook.settings.config import Config, TtsConfig
from tests.offhook.cli.conftest import Run

TEXT = "You owe $12.50."


def read(content: bytes) -> tuple[int, np.ndarray]:
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


def spoken(run: Run, folder: Path, *options: str) -> tuple[int, np.ndarray]:
    path = folder / "said.wav"
    status, out, err = run("say", TEXT, "--engine", "espeak", "--out", str(path), *options)
    assert (status, err) == (0, "")
    assert out.startswith(f"{path}: ") and "first audio after" in out
    return read(path.read_bytes())


def test_a_text_is_written_as_a_call_would_hear_it(run: Run, tmp_path: Path) -> None:
    rate_hz, wide = spoken(run, tmp_path)
    assert rate_hz == 16_000
    assert len(wide) > 1.5 * rate_hz, "the amount is spoken as words"
    rate_hz, narrow = spoken(run, tmp_path, "--phone")
    assert rate_hz == 8_000
    assert 2 * len(narrow) == pytest.approx(len(wide), rel=0.03)
    assert len(np.unique(narrow)) <= 256, "through G.711"


def test_a_language_and_a_voice_may_be_chosen(run: Run, tmp_path: Path) -> None:
    _, english = spoken(run, tmp_path)
    _, german = spoken(run, tmp_path, "--language", "de")
    _, other = spoken(run, tmp_path, "--voice", "de+f3")
    assert len({len(english), len(german), len(other)}) == 3


def test_standard_input_and_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "offhook", "say", "-", "--engine", "espeak", "--out", "-"]
    done = subprocess.run(command, input=b"Hello there.", capture_output=True, timeout=60, check=True)
    rate_hz, samples = read(done.stdout)
    assert rate_hz == 16_000 and len(samples) > 4_000


def test_a_long_text_is_spoken_clause_by_clause(run: Run, tmp_path: Path) -> None:
    text = "It is half past nine. " * 250
    status, out, _ = run("say", text, "--engine", "espeak", "--out", str(tmp_path / "a.wav"), "--json")
    words = json.loads(out)["words"]
    assert (status, len(words)) == (0, 1_250)
    between = [later["start_s"] - first["end_s"] for first, later in zip(words[4::5], words[5::5], strict=False)]
    assert all(0.2 < pause < 0.6 for pause in between), "sentences have pauses between them"


def test_without_a_file_it_is_played(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player, played = tmp_path / "paplay", tmp_path / "played.wav"
    player.write_text(f'#!/bin/sh\ncp "$1" {played}\n')
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(say, "PLAYERS", (["paplay"],))
    status, out, _ = run("say", TEXT, "--engine", "espeak")
    assert status == 0 and out.startswith("playing: ")
    assert read(played.read_bytes())[0] == 16_000


def test_what_cannot_be_said_is_told_in_three_parts(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "PLAYERS", ())
    status, _, err = run("say", TEXT, "--engine", "espeak")
    assert status == USAGE and "nothing can be played" in err and "--out FILE.wav" in err
    out = ("--out", str(tmp_path / "said.wav"))
    status, _, err = run("say", TEXT, "--engine", "espeak", "--voice", "klingonese", *out)
    assert status == FAILURE and "none called 'klingonese'" in err
    status, _, err = run("say", TEXT, "--voice", "hart", *out)
    assert status == USAGE and "did you mean `heart`?" in err and "espeak-ng has none" not in err
    status, _, err = run("say", TEXT, "--engine", "espeak", "--language", "tlh", *out)
    assert status == USAGE and "does not know the language 'tlh'" in err
    status, _, err = run("say", TEXT, "--engine", "espaek", *out)
    assert status == USAGE and "did you mean `espeak`?" in err
    status, _, err = run("say", TEXT, "--engine", "espeak", "--out", str(tmp_path / "no" / "folder.wav"))
    assert status == USAGE and "cannot be written" in err


def test_the_voices_are_listed(run: Run) -> None:
    status, out, err = run("voices")
    assert (status, err) == (0, "")
    assert out.startswith("auto (used)\n")
    assert "\nespeak\n    languages: af, " in out and " more\n" in out
    assert "recorded" not in out
    engines = [line.partition(":")[0] for line in out.splitlines() if line[:1].isalpha()]
    assert engines.index("espeak") < engines.index("amazon")  # what can speak goes before what needs something
    status, out, _ = run("voices", "espeak", "--language", "de")
    assert status == 0 and "voices:    de (de)" in out and "en-us" not in out


def test_an_engine_that_cannot_speak_says_why(run: Run) -> None:
    found = {each["name"]: each for each in json.loads(run("voices", "--json")[1])}
    assert found["espeak"]["exact_words"] and ["de", "de"] in found["espeak"]["voices"]
    for name in ("kokoro", "piper"):
        assert found[name]["problem"]
        assert found[name]["hint"]


def test_a_voice_that_is_set_is_one_of_the_engine_that_is_used() -> None:
    config = Config(tts=TtsConfig(engine="espeak", voice="de"))
    assert look_at(config, "espeak").voices
    assert look_at(config, "hibari").problem in ("", "the package is not installed")


def test_the_words_have_times(run: Run, tmp_path: Path) -> None:
    status, out, _ = run("say", TEXT, "--engine", "espeak", "--out", str(tmp_path / "said.wav"), "--json")
    about = json.loads(out)
    assert status == 0
    assert [word["text"] for word in about["words"]] == TEXT.split()
    assert not any(word["is_estimated"] for word in about["words"])
    assert 0.7 * about["seconds"] < about["words"][-1]["end_s"] <= about["seconds"]


def test_a_voice_on_the_command_line_goes_before_those_of_the_settings(run: Run, tmp_path: Path) -> None:
    settings = tmp_path / "offhook.toml"
    settings.write_text('[tts.espeak]\nvoice = "en-us+f3"\n', "utf-8")
    _, usual = spoken(run, tmp_path, "--voice", "de")
    _, chosen = spoken(run, tmp_path, "--voice", "de", "--config", str(settings))
    assert len(usual) == len(chosen)
    status, _, err = run("say", "  ", "--engine", "espeak")
    assert status == USAGE and "there is nothing to say" in err


def test_a_player_that_fails_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = tmp_path / "paplay"
    player.write_text("#!/bin/sh\necho no loudspeaker >&2\nexit 1\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(say, "PLAYERS", (["paplay"],))
    status, _, err = run("say", TEXT, "--engine", "espeak")
    assert status == USAGE and "no loudspeaker" in err and "--out FILE.wav" in err


def test_voices_of_an_engine_or_a_language_that_is_not_there(run: Run) -> None:
    status, _, err = run("voices", "espaek")
    assert status == USAGE and "did you mean `espeak`?" in err
    status, out, _ = run("voices", "espeak", "--language", "tlh")
    assert status == 0 and "it does not speak 'tlh'" in out
    status, out, _ = run("voices", "hibari", "--language", "en-GB")
    assert status == 0 and ("languages: en\n" in out or "not installed" in out)

"""`offhook listen`: a recording, or the microphone, to a recogniser."""

import json
import sys
import types
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from offhook.cli import listen
from offhook.telephony.codec.g711 import PCMA
from offhook.testing.audio_files import read_speech
from tests.offhook.cli.conftest import Run
from tests.signals import wav

SPEECH = Path(__file__).parents[2] / "data" / "speech"
BALANCE = SPEECH / "check_my_balance.wav"
needs_pocketsphinx = pytest.mark.skipif(find_spec("pocketsphinx") is None, reason="needs pocketsphinx")


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_a_recording_as_text(run: Run) -> None:
    status, out, err = run("listen", str(BALANCE), "--engine", "fixed", "--fast")
    assert (status, err) == (0, "")
    assert "check my balance   (confidence 1.00, after " in out


@needs_pocketsphinx
def test_what_the_embedded_recogniser_understands(run: Run) -> None:
    phrases = "check my balance, opening hours, goodbye"
    status, out, err = run("listen", str(BALANCE), "--choices", phrases, "--engine", "pocketsphinx", "--fast", "--json")
    assert (status, err) == (0, "")
    *partials, final = events(out)
    assert partials and all(event["partial"] for event in partials)
    assert (final["text"], final["choice"]) == ("check my balance", "check my balance")
    assert final["confidence"] > 0.7
    assert final["at_s"] < partials[0]["at_s"] and final["after_ms"] >= 0


@needs_pocketsphinx
def test_spoken_digits_of_an_alaw_recording(run: Run, tmp_path: Path) -> None:
    linear = read_speech(SPEECH / "four_two_seven.wav")
    header = wav(linear, 8_000)[:44]
    coded = PCMA.encode(linear)
    layout = b"\x06\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00\x01\x00\x08\x00"
    file = header[:20] + layout + header[36:40] + len(coded).to_bytes(4, "little") + coded
    (tmp_path / "alaw.wav").write_bytes(file)
    status, out, _ = run(
        "listen", "alaw.wav", "--digits", "--law", "PCMA", "--engine", "pocketsphinx", "--fast", "--json"
    )
    assert status == 0
    assert (events(out)[-1]["text"], events(out)[-1]["value"]) == ("four two seven", "427")


def test_a_doubtful_choice_is_shown_as_the_no_match_that_it_is_in_a_call(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__FIXED__TEXT", "the balance")
    listened = ("listen", str(BALANCE), "--choices", "check my balance", "--engine", "fixed", "--fast")
    assert "the balance   (choice check my balance, " in run(*listened)[1]
    monkeypatch.setenv("OFFHOOK_ASR__MIN_CONFIDENCE", "1")
    assert "the balance   (no match, " in run(*listened)[1]


@pytest.mark.parametrize(
    ("said", "options", "meant"),
    [
        ("the third of may", ("--as", "date"), "-05-03"),
        ("zwischen zwei und vier uhr nachmittags", ("--as", "time_range", "--language", "de"), "14:00/16:00"),
        ("half past four", ("--as", "time"), "04:30 or 16:30"),
        ("i do not know", ("--as", "number"), "no match"),
    ],
)
def test_a_value(run: Run, monkeypatch: pytest.MonkeyPatch, said: str, options: tuple[str, ...], meant: str) -> None:
    monkeypatch.setenv("OFFHOOK_ASR__FIXED__TEXT", said)
    status, out, err = run("listen", str(BALANCE), "--engine", "fixed", "--fast", *options)
    assert (status, err) == (0, "")
    assert meant in out


def test_several_turns_of_a_stereo_recording_at_another_rate(run: Run, tmp_path: Path) -> None:
    speech = np.frombuffer(read_speech(BALANCE), "<i2")
    twice = np.concatenate([speech, np.zeros(8_000, "<i2"), speech])
    wide = np.repeat(twice, 2)
    stereo = np.stack([wide, wide], 1).astype("<i2").tobytes()
    (tmp_path / "two.wav").write_bytes(wav(stereo, 16_000, channels=2))
    status, out, _ = run("listen", "two.wav", "--engine", "fixed", "--fast", "--json")
    assert status == 0
    first, second = events(out)
    assert second["at_s"] - first["at_s"] == pytest.approx((len(speech) + 8_000) / 8_000, abs=0.3)


def test_silence_is_understood_as_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "silence.wav").write_bytes(wav(bytes(32_000), 8_000))
    assert run("listen", "silence.wav", "--engine", "fixed", "--fast") == (1, "", "")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"ID3 something", "it is an MP3 file"),
        (b"something of another kind, of some length", "it is not a WAV file"),
        (b"RIFF\x04\0\0\0WAVE", "it has no audio"),
        (wav(bytes(2_400), 8_000, sample_bytes=3), "24"),
        (wav(bytes(800), 8_000)[:30], ""),
    ],
)
def test_files_that_cannot_be_read(run: Run, tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "odd.wav").write_bytes(content)
    status, out, err = run("listen", "odd.wav", "--engine", "fixed")
    assert (status, out) == (2, "")
    todo = "another file" if content is None else "sox odd.wav"
    assert "odd.wav cannot be read" in err and why in err and f"  type: {todo}" in err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--engine", "pocketsphynx"), "did you mean `pocketsphinx`?"),
        (("--law", "G729"), "one of: PCMU, PCMA"),
        (("--choices", "yes,{no}"), "the phrase '{no}' cannot be recognised"),
        (("--as", "dates"), "did you mean `date`?"),
    ],
)
def test_mistakes(run: Run, arguments: tuple[str, ...], what: str) -> None:
    status, out, err = run("listen", str(BALANCE), *("--engine", "fixed") * ("--engine" not in arguments), *arguments)
    assert (status, out) == (2, "")
    assert what in err


class FakeDevice:
    """A sound card, which records what it is given and is then unplugged."""

    PortAudioError = RuntimeError
    samples = b""

    def RawInputStream(self, *, callback: Callable[..., None], blocksize: int, **_: Any) -> "FakeDevice":
        self.callback, self.size = callback, 2 * blocksize
        return self

    def __enter__(self) -> None:
        for at in range(0, len(self.samples), self.size):
            self.callback(self.samples[at : at + self.size], 0, None, None)

    def __exit__(self, *_: object) -> None:
        pass


def test_the_microphone_until_it_is_interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeDevice()
    device.samples = read_speech(BALANCE) + bytes(16_000)
    monkeypatch.setitem(sys.modules, "sounddevice", device)

    original = listen.Listener._finish

    async def finish_and_interrupt(self: listen.Listener, turn: listen.Turn) -> None:
        await original(self, turn)
        raise KeyboardInterrupt

    monkeypatch.setattr(listen.Listener, "_finish", finish_and_interrupt)
    status, out, _ = run("listen", "mic", "--engine", "fixed")
    assert status == 0
    assert "check my balance" in out


def test_without_a_microphone_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    status, _, err = run("listen", "mic", "--engine", "fixed")
    assert status == 2
    assert "offhook[mic]" in err


def test_a_card_that_cannot_be_opened(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class PortAudioError(Exception):
        pass

    def refuse(**_: object) -> None:
        raise PortAudioError("no default input device")

    module = types.SimpleNamespace(PortAudioError=PortAudioError, RawInputStream=refuse)
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    status, _, err = run("listen", "mic", "--engine", "fixed")
    assert status == 2
    assert "no default input device" in err

"""Recordings, wordings and sounds in a flow's file: what is read, and the mistakes with their lines."""

import wave
from pathlib import Path

import pytest

from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.one_of import OneOf
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.press import PressStep
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.wait import WaitStep
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.sound_file import load_sound
from offhook.testing.wav_file import wav
from offhook.usererror import Problem, UserError

HEAD = "name: test\nstart: hello\nno_input: {then: bye}\nno_match: {then: bye}\nsteps:\n"
BYE = "  bye: {hang_up: Goodbye.}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.wav").write_bytes(wav(bytes(16_000)))
    (tmp_path / "music.mp3").write_bytes(b"ID3" + bytes(1_000))
    return tmp_path


def read(folder: Path, steps: str) -> Flow:
    return parse_flow((HEAD + steps + BYE).encode(), str(folder / "flow.yaml"))


def problems(folder: Path, steps: str) -> list[Problem]:
    with pytest.raises(UserError) as caught:
        read(folder, steps)
    for problem in caught.value.problems:
        assert problem.what and problem.why and problem.todo
        assert problem.where.startswith(str(folder / "flow.yaml:"))
    return list(caught.value.problems)


def test_recordings_are_loaded_once(folder: Path) -> None:
    said = "{file: hello.wav, text: Hello.}"
    flow = read(folder, f"  hello: {{say: {said}, next: again}}\n  again: {{say: [{said}, Hi.], next: bye}}\n")
    assert list(flow.sounds) == ["hello.wav"]
    assert flow.sounds["hello.wav"].seconds == 1.0
    assert flow.sounds["hello.wav"] is load_sound(folder / "hello.wav")


def test_a_flow_from_a_file_has_the_sounds_beside_it(folder: Path) -> None:
    (folder / "flow.yaml").write_text(f"{HEAD}  hello: {{say: {{file: hello.wav, text: Hello.}}, next: bye}}\n{BYE}")
    assert load_flow(folder / "flow.yaml").sounds


def test_wordings(folder: Path) -> None:
    flow = read(
        folder,
        "  hello: {say: [Hello., {file: hello.wav, text: Hi.}], next: more}\n"
        "  more: {say: {one_of: [One., Two.], order: random}, next: bye}\n",
    )
    hello, more = flow.steps["hello"], flow.steps["more"]
    assert isinstance(hello, Say) and isinstance(more, Say)
    assert isinstance(hello.text, OneOf) and len(hello.text.texts) == 2 and not hello.text.at_random
    assert more.text == OneOf(("One.", "Two."), at_random=True)


def test_steps_of_sound(folder: Path) -> None:
    flow = read(
        folder,
        "  hello: {play: hello.wav, loop: yes, for_s: 9, until: key, volume_db: -6, next: radio}\n"
        "  radio: {play: 'https://a.example/b.wav', for_s: 9, next: rest, otherwise: rest}\n"
        "  rest: {wait: 2.5, until: key, next: keys}\n"
        '  keys: {press: "1w#", next: note}\n'
        "  note: {log: Here., next: bye}\n",
    )
    assert flow.steps["hello"] == PlayStep("hello", "hello.wav", "radio", None, True, 9.0, "key", -6.0)
    radio = flow.steps["radio"]
    assert isinstance(radio, PlayStep) and radio.stream is not None
    assert flow.steps["rest"] == WaitStep("rest", 2.5, "keys", until_key=True)
    assert flow.steps["keys"] == PressStep("keys", "1w#", "note")


@pytest.mark.parametrize(
    ("step", "what", "where"),
    [
        ("{say: {file: none.wav, text: Hi.}, next: bye}", "`none.wav`: the recording cannot be read", "6:11"),
        ("{say: {file: music.mp3, text: Hi.}, next: bye}", "`music.mp3`: the recording cannot be played", "6:11"),
        ("{say: {file: ., text: Hi.}, next: bye}", "the recording is not a file", "6:11"),
        ("{say: {file: hello.wav}, next: bye}", "has no `text`", "6:16"),
        ("{say: {file: hello.wav, text: ''}, next: bye}", "`text` of", "6:"),
        ("{say: {file: hello.wav, text: 'Hi {name}.'}, next: bye}", "a variable in the recording", "6:11"),
        ("{say: {fil: hello.wav, text: Hi.}, next: bye}", "unknown key `fil`", "6:17"),
        ("{say: [], next: bye}", "cannot be read", "6:16"),
        ("{say: [One., <b>Two.</b>], next: bye}", "markup", "6:23"),
        ("{say: {one_of: One.}, next: bye}", "cannot be read", "6:25"),
        ("{say: {one_of: [One.], order: odd}, next: bye}", "`order` is `odd`", "6:"),
        ("{say: '<speak>a<brake/></speak>', next: bye}", "`<brake>` at character 9", "6:16"),
        ("{say: 'a <break/> b', next: bye}", "markup", "6:16"),
        ("{play: none.wav, next: bye}", "`none.wav`: the recording cannot be read", "6:17"),
        ("{play: hello.wav, loop: yes, next: bye}", "may play for ever", "6:17"),
        ("{play: hello.wav, until: tired, next: bye}", "`until` is `tired`", "6:35"),
        ("{play: hello.wav, allow_private: yes, next: bye}", "plays a file and has `allow_private`", "6:"),
        ("{play: 'http://127.0.0.1/a.wav', for_s: 3, next: bye, otherwise: bye}", "`play` of", "6:17"),
        ("{play: 'https://a.example/{name}', for_s: 3, next: bye, otherwise: bye}", "has a variable", "6:17"),
        ("{play: 'ftp://a.example/a.wav', for_s: 3, next: bye, otherwise: bye}", "`play` of", "6:17"),
        ("{wait: soon, next: bye}", "is not a number", "6:17"),
        ("{wait: 2000, next: bye}", "wait is 2000", "6:17"),
        ("{press: 12x, next: bye}", "are not keys", "6:18"),
        ("{log: '{nobody}', next: bye}", "no variable `nobody`", "6:16"),
    ],
)
def test_mistakes_have_their_place(folder: Path, step: str, what: str, where: str) -> None:
    found = problems(folder, f"  hello: {step}\n")
    assert any(what in each.what and f"flow.yaml:{where}" in each.where for each in found)


def test_what_has_no_effect_is_a_doubt(folder: Path) -> None:
    doubts: list[Problem] = []
    text = f"{HEAD}  hello: {{say: '<speak><prosody rate=\"slow\">Hi.</prosody></speak>', next: bye}}\n{BYE}"
    parse_flow(text.encode(), str(folder / "flow.yaml"), on_doubt=doubts.append)
    assert [doubt.what for doubt in doubts] == ["`<prosody>` has no effect"]


def test_limits_of_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "long.wav").write_bytes(wav(bytes(2 * 8_000 * 3)))
    monkeypatch.setattr("offhook.sound_file.MAX_SECONDS", 2)
    with pytest.raises(UserError, match="has 3 s"):
        load_sound(tmp_path / "long.wav")
    monkeypatch.setattr("offhook.sound_file.MAX_FILE_BYTES", 1_000)
    with pytest.raises(UserError, match="too large"):
        load_sound(tmp_path / "long.wav")


def test_limits_of_a_flow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "more.wav").write_bytes(wav(bytes(16_000)))
    monkeypatch.setattr("offhook.settings.flow_sounds.MAX_TOTAL_S", 1.5)
    steps = "  hello: {play: hello.wav, next: more}\n  more: {play: more.wav, next: bye}\n"
    (problem,) = problems(folder, steps)
    assert "too long" in problem.what
    assert "flow.yaml:7:" in problem.where


@pytest.mark.parametrize(("rate_hz", "bits"), [(11_025, 16), (48_000, 16), (22_050, 8)])
def test_other_rates_are_converted(tmp_path: Path, rate_hz: int, bits: int) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as audio:
        audio.setparams((2, bits // 8, rate_hz, 0, "NONE", ""))
        audio.writeframes((b"\x80" if bits == 8 else bytes(2)) * 2 * rate_hz)
    sound = load_sound(tmp_path / "a.wav")
    assert sound.seconds == pytest.approx(1.0, abs=0.01)
    assert len(sound.pcm[16_000]) == 2 * len(sound.pcm[8_000])

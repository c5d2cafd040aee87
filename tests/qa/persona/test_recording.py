"""The recording of a persona: what is written is read again; what is wrong in it is told with its place."""

from pathlib import Path

import pytest

from offhook.llm.model import ToolCall
from offhook.qa.persona.recording import (
    Opinion,
    PersonaRecording,
    as_yaml,
    path_of,
    read_recording,
    write_recording,
)
from offhook.qa.script.persona import Answer, Exchange, Heard, Persona
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, Wait
from offhook.usererror import UserError

PERSONA = Persona('move it: to "Tuesday"', "impatient", (("name", "María 'Lopez'"), ("pin", "0012")))
RECORDING = PersonaRecording(
    PERSONA,
    "whisper",
    (
        Exchange(
            Heard(("no", "12:30 # one — two")),
            (Say(Speech("yes")), Say(Speech("play greeting.wav")), Press("0012#")),
            (
                Answer("", (ToolCall("1", "launch_rocket", "{}"),), "there is no such tool"),
                Answer("Hm.", (ToolCall("2", "say", '{"text": "yes"}'),)),
            ),
        ),
        Exchange(Heard((), ("you can",)), (Wait(0), Interrupt(900, Speech("{stop}")))),
        Exchange(Heard(), (Interrupt(0, keys="*"), HangUp())),
    ),
    "persona/any",
    Opinion("was it: polite?", "Yes."),
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = path_of(str(tmp_path / "move.yaml"))
    assert path.name == "move.persona.yaml"
    write_recording(path, RECORDING)
    assert read_recording(path) == RECORDING
    text = path.read_text(encoding="utf-8")
    assert "launch_rocket({})" in text and "there is no such tool" in text and "María" in text
    assert "You play a caller" in text


def test_what_the_persona_says_is_known_before_the_call() -> None:
    assert [each.text for each in RECORDING.speeches] == ["yes", "play greeting.wav", "{stop}"]


HEAD = "recogniser: x\npersona: {goal: x}\nversion: 1\n"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        (HEAD, "1:1", "a persona's recording has no `exchanges`"),
        (HEAD.replace("1", "2") + "exchanges: []", "3:10", "`version` is another"),
        (HEAD + "exchanges: x", "4:12", "`exchanges` is no list that can be read"),
        (HEAD + f"exchanges: [{'{heard: [], do: []}, ' * 101}]", "4:12", "`exchanges` is no list that can be read"),
        (HEAD + "exchanges: [{heard: []}]", "4:13", "an exchange has no `do`"),
        (HEAD + "exchanges: [{heard: [], do: hang_up}]", "4:29", "`do` is not a list"),
        (HEAD + "exchanges: [{heard: [], do: [{press: 1x}]}]", "4:38", "`press` has other characters than keys"),
        (HEAD + "exchanges: [{heard: [], do: [{wait_for: end}]}]", "4:30", "a persona cannot do this step"),
        (HEAD + "exchanges: [{heard: {}, do: []}]", "4:21", "`heard` is not a list"),
        (HEAD + "exchange: []\nexchanges: []", "4:1", "unknown key `exchange` in a persona's recording"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, text: str, place: str, what: str) -> None:
    path = tmp_path / "x.persona.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        read_recording(path)
    first = error.value.problems[0]
    assert (first.where, first.what) == (f"{path}:{place}", what)
    assert first.why and first.todo


def test_what_a_model_wrote_is_cut(tmp_path: Path) -> None:
    long = Answer("x" * 4_000, (ToolCall("1", "say", "y" * 90_000),), "it is too long")
    recording = PersonaRecording(PERSONA, "x", (Exchange(Heard(), (HangUp(),), (long,)),) * 100)
    assert len(as_yaml(recording)) < 1_000_000


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the persona's recording cannot be written"):
        write_recording(tmp_path / "none" / "x.persona.yaml", RECORDING)

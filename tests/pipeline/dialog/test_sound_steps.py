"""Steps that play, wait, press keys and note something, and texts with several wordings: the pure side."""

from itertools import pairwise
from random import Random

import pytest

from offhook.pipeline.dialog.actions import Done, HangUp, Note, Play, Press, Result, Speak, Wait
from offhook.pipeline.dialog.flow import Flow, FlowError
from offhook.pipeline.dialog.one_of import OneOf
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.steps.hang_up import End
from offhook.pipeline.dialog.steps.log import LogStep
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.press import PressStep
from offhook.pipeline.dialog.steps.say import Say
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.wait import WaitStep
from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.prompt_parts import Pause, Words
from offhook.pipeline.tts.recording import Recording

SONG = Recording("song.wav", {8_000: bytes(16_000), 16_000: bytes(32_000)})
BYE = End("bye", "Goodbye.")
SAID = Answer(AnswerKind.NO_INPUT)


def flow_of(*steps: Step, **constants: str) -> Flow:
    return Flow("test", steps[0].name, {step.name: step for step in (*steps, BYE)}, constants, sounds={"song": SONG})


def walked(*steps: Step, results: tuple[Result, ...] = (), **constants: str) -> list[object]:
    """The actions that follow one another, with these results."""
    runner = FlowRunner(flow_of(*steps, **constants))
    return [runner.start(), *(runner.after(result) for result in results)]


def problems(*steps: Step) -> list[str]:
    with pytest.raises(FlowError) as caught:
        flow_of(*steps)
    for problem in caught.value.problems:
        assert problem.what and problem.why and problem.todo and problem.path
    return [problem.what for problem in caught.value.problems]


def test_wordings_in_turn() -> None:
    asked = OneOf(("One.", "Two.", "Three."))
    last, said = None, []
    for _ in range(5):
        last = asked.after(last, Random(1).randrange)
        said.append(asked.texts[last])
    assert said == ["One.", "Two.", "Three.", "One.", "Two."]


def test_wordings_at_random_are_never_the_last_one() -> None:
    asked = OneOf(("One.", "Two.", "Three."), at_random=True)
    choose = Random(7).randrange
    drawn = [asked.after(None, choose)]
    for _ in range(200):
        drawn.append(asked.after(drawn[-1], choose))
    assert all(one != other for one, other in pairwise(drawn))
    assert set(drawn) == {0, 1, 2}
    assert OneOf(("One.",), at_random=True).after(0, choose) == 0


@pytest.mark.parametrize("value", ['<speak>Hi.<break time="9s"/></speak>', "<speak>Hi.", '<speak><audio src="x"/>'])
def test_a_value_that_begins_as_ssml_does_is_spoken_as_it_is(value: str) -> None:
    flow = flow_of(Say("hello", "{greeting}", "bye"), greeting="Hi.")
    action = FlowRunner(flow, variables={"greeting": value}).start()
    assert isinstance(action, Speak)
    assert action.prompt.parts == ()
    assert action.prompt.text == value.replace("<", " ")


def test_no_wording_at_all() -> None:
    with pytest.raises(ValueError, match="no wording"):
        OneOf(())


def test_each_visit_has_its_wording_and_each_call_its_own_order() -> None:
    texts = OneOf(tuple(f"Text {number}." for number in range(20)), at_random=True)
    flow = Flow("test", "hello", {"hello": Say("hello", texts, "bye"), "bye": BYE})
    first = {seed: FlowRunner(flow, seed=seed).start() for seed in map(str, range(20))}
    assert first["3"] == FlowRunner(flow, seed="3").start()
    assert len({str(action) for action in first.values()}) > 1


def test_every_wording_is_checked() -> None:
    (what,) = problems(Say("hello", OneOf(("Hello.", "<b>Hi.</b>")), "bye"))
    assert "markup" in what
    (what,) = problems(Say("hello", OneOf(("Hello.", "{nobody}")), "bye"))
    assert "no variable `nobody`" in what


def test_a_text_in_ssml_is_said_in_parts() -> None:
    speak, _ = walked(
        Say("hello", '<speak>{shop} calls. <break time="1s"/> Hello.</speak>', "bye"), results=(SAID,), shop="A&B < C"
    )
    assert isinstance(speak, Speak)
    assert speak.prompt.text == "A&B < C calls. Hello."
    assert speak.prompt.parts == (Words("A&B < C calls."), Pause(1_000), Words("Hello."))


def test_waiting() -> None:
    steps = (WaitStep("pause", 2.0, "listen"), WaitStep("listen", 30.0, "bye", until_key=True))
    assert walked(*steps, results=(SAID, SAID))[:2] == [Wait(2.0), Wait(30.0, until_key=True)]
    assert problems(WaitStep("pause", 0.0, "bye")) == ["wait is 0"]
    assert problems(WaitStep("pause", 301.0, "bye")) == ["wait is 301"]


def test_a_wait_that_leads_to_itself() -> None:
    with pytest.raises(FlowError) as caught:
        flow_of(WaitStep("pause", 2.0, "pause"))
    (found,) = (each for each in caught.value.problems if "loops for ever" in each.what)
    assert found.path == ("steps", "pause", "next")
    assert "visits" in found.todo


@pytest.mark.parametrize(("keys", "sent"), [("1ww2#", "1ww2#"), ("{extension}#", "204#"), ("* A", "*A")])
def test_pressing(keys: str, sent: str) -> None:
    action, last = walked(PressStep("keys", keys, "bye"), results=(Done(),), extension="204")
    assert action == Press(sent)
    assert isinstance(last, HangUp)


@pytest.mark.parametrize("value", ["a house", "1" * 65, "w"])
def test_values_that_are_no_keys_lead_elsewhere(value: str) -> None:
    steps = (PressStep("keys", "{extension}", "bye", "sorry"), Say("sorry", "No.", "bye"))
    (action,) = walked(*steps, extension=value)
    assert isinstance(action, Speak)


def test_keys_that_could_not_be_sent() -> None:
    steps = (PressStep("keys", "1", "bye", "sorry"), Say("sorry", "No.", "bye"))
    _, action = walked(*steps, results=(Done(failed=True),))
    assert isinstance(action, Speak)


@pytest.mark.parametrize("keys", ["", "12x", "{a", "w", "1" * 65])
def test_keys_that_no_phone_has(keys: str) -> None:
    assert problems(PressStep("keys", keys, "bye"))


def test_a_note() -> None:
    action, _ = walked(LogStep("note", "For {shop}, {1 + 2}.", "bye"), results=(Done(),), shop="Acme")
    assert action == Note("For Acme, 3.")
    assert "single {" in problems(LogStep("note", "a { b", "bye"))[0]
    assert problems(LogStep("note", "", "bye")) == ["the line has 0 characters"]
    assert "no variable `order`" in problems(LogStep("note", "{order}", "bye"))[0]


def test_music() -> None:
    song = PlayStep("music", "song", "bye", loop=True, for_s=60, until="key", volume_db=-6)
    action, last = walked(song, results=(Done(),))
    assert isinstance(action, Play)
    assert (action.step, action.sound) == (song, SONG)
    assert isinstance(last, HangUp)


def test_a_stream_that_breaks_off() -> None:
    steps = (PlayStep("radio", "https://a.example/b.wav", "bye", "sorry", for_s=5, stream=object()),)
    _, action = walked(*steps, Say("sorry", "No.", "bye"), results=(Done(failed=True),))
    assert isinstance(action, Speak)


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (PlayStep("music", "none.wav", "bye"), "no recording `none.wav`"),
        (PlayStep("music", "song", "bye", loop=True), "may play for ever"),
        (PlayStep("music", "song", "bye", for_s=0), "for_s is 0"),
        (PlayStep("music", "song", "bye", volume_db=21), "volume_db is 21"),
        (PlayStep("music", "https://a.example", "bye", "bye", stream=object()), "may play for ever"),
        (PlayStep("music", "https://a.example", "bye", for_s=3, stream=object()), "has no `otherwise`"),
        (PlayStep("music", "https://a.example", "bye", "bye", True, 3, stream=object()), "cannot repeat a stream"),
    ],
)
def test_what_cannot_be_played(step: PlayStep, what: str) -> None:
    assert any(what in each for each in problems(step))

"""Prompts in SSML: what is read, what is refused, and what becomes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.said_as import said_as
from offhook.pipeline.dialog.spoken_ssml import filled, parts_of, ssml_problems
from offhook.pipeline.dialog.ssml import (
    Break,
    MarkupError,
    Said,
    Sound,
    behind,
    doubts,
    elements_of,
    is_ssml,
    recorded,
)
from offhook.pipeline.prompt_parts import Part, Pause, Recorded, Span, Words, spans, transcript
from offhook.pipeline.tts.recording import Recording

CHIME = Recording("chime.wav", {8_000: bytes(1_600), 16_000: bytes(3_200)})
SOUNDS = {"chime.wav": CHIME}


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("<speak>a</speak>", True), (' <speak version="1.1">a</speak>', True), ("<speaker>", False), ("a <speak>", False)],
)
def test_what_is_taken_for_ssml(text: str, is_one: bool) -> None:
    assert is_ssml(text) is is_one


def test_every_element() -> None:
    text = (
        '<speak>One <break time="1.5s"/>two<say-as interpret-as="date" format="dmy">24.12.2026</say-as>'
        '<sub alias="three">3</sub><lang xml:lang="de">vier</lang><audio src="chime.wav"> a  chime </audio>'
        '<emphasis>five</emphasis><prosody rate="slow">six</prosody><break/></speak>'
    )
    assert elements_of(text) == (
        Said("One "),
        Break(1_500),
        Said("two"),
        Said("24.12.2026", None, "date", "dmy"),
        Said("three"),
        Said("vier", "de"),
        Sound("chime.wav", "a chime"),
        Said("five"),
        Said("six"),
        Break(500),
    )
    assert [what for what, _, _ in doubts(text)] == ["`<prosody>` has no effect"]


@pytest.mark.parametrize(
    ("text", "what", "todo"),
    [
        ("<speak>a", "not SSML", "close every element"),
        ("<speak>a & b</speak>", "not SSML", "&amp;"),
        ("<speak>a<voice name='x'>b</voice></speak>", "`<voice>` at character 9", "one of"),
        ("<speak>a<speak>b</speak></speak>", "`<speak>` at character 9", "did you mean"),
        ("<speak>a<brake/></speak>", "`<brake>`", "did you mean `break`?"),
        ("<speak>a<break tim='1s'/></speak>", "`tim` of `<break>`", "did you mean `time`?"),
        ("<speak>a<break time='1'/></speak>", '`time="1"` is no time', "500ms"),
        ("<speak>a<break time='11s'/></speak>", "the pause is 11s long", "`wait: 20`"),
        ("<speak>a<break strength='loud'/></speak>", "is not known", "one of"),
        ("<speak>a<break>b</break></speak>", "has a text", "<break time"),
        ("<speak>a<say-as>b</say-as></speak>", "is not known", "one of"),
        ("<speak>a<say-as interpret-as='dat'>b</say-as></speak>", '`interpret-as="dat"`', "did you mean `date`?"),
        ("<speak>a<say-as interpret-as='date'><break/></say-as></speak>", "is within `<say-as>`", "close that"),
        ("<speak>a<audio>b</audio></speak>", "has no `src`", "<audio src"),
        ("<speak>a<sub>b</sub></speak>", "has no `alias`", "<sub alias"),
        ("<speak>a<lang>b</lang></speak>", "has no `xml:lang`", "<lang xml:lang"),
        ("<speak>a<lang xml:lang='deutsch!'>b</lang></speak>", "is not a language", "xml:lang"),
        ("<!DOCTYPE speak []><speak>a</speak>", "document type", "remove"),
        ("<speak>a<!-- {x} --></speak>", "a comment has a variable", "remove"),
        ("<speak>" + "<emphasis>" * 10 + "a" + "</emphasis>" * 10 + "</speak>", "too many", "split"),
        ("<speak>a" + "<break/>" * 200 + "</speak>", "too many", "split"),
    ],
)
def test_what_is_refused(text: str, what: str, todo: str) -> None:
    with pytest.raises(MarkupError) as caught:
        elements_of(text)
    assert what in caught.value.what
    assert todo in caught.value.todo


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        elements_of(f"<speak>{text}</speak>")
    except MarkupError as error:
        assert error.what and error.why and error.todo


@given(st.text(max_size=60))
def test_no_value_brings_markup_with_it(value: str) -> None:
    text = filled("<speak>a {x} b</speak>", lambda _: value)
    assert all(isinstance(each, Said) for each in elements_of(text))


@given(st.text(max_size=60))
def test_no_value_ends_the_attribute_that_it_stands_in(value: str) -> None:
    (said,) = elements_of(filled('<speak><sub alias="a {x}">b</sub></speak>', lambda _: value))
    assert isinstance(said, Said)
    assert said.text.count('"') == value.count('"')


def test_values_are_filled_in_up_to_a_limit() -> None:
    text = filled("<speak>{x} {x} {x}.</speak>", lambda _: "a" * 3_000)
    (said,) = elements_of(text)
    assert isinstance(said, Said)
    assert said.text.count("a") == 4_000
    assert said.text.endswith(".")


def test_the_parts_and_their_transcript() -> None:
    text = (
        '<speak>Press <say-as interpret-as="digits">12</say-as>, please. <break time="200ms"/><audio src="chime.wav"/>'
        ' Then <lang xml:lang="de">Hilfe. Bitte.</lang><audio src="chime.wav">Ding.</audio></speak>'
    )
    parts: tuple[Part, ...] = parts_of(text, "en", SOUNDS)
    assert parts == (
        Words("Press 1 2, please."),
        Pause(200),
        Recorded("", CHIME),
        Words("Then"),
        Words("Hilfe. Bitte.", "de"),
        Recorded("Ding.", CHIME),
    )
    said = transcript(parts)
    assert said == "Press 1 2, please. Then Hilfe. Bitte. Ding."
    found = list(spans(parts, "en"))
    assert all(said[each.start :].startswith(each.text) for each in found)
    assert found[0] == Span(0, "Press 1 2, please.")
    assert [each.text for each in found] == ["Press 1 2, please.", "", "", "Then", "Hilfe.", "Bitte.", "Ding."]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<speak> <break/> </speak>", "says nothing"),
        ('<speak>a<audio src="none.wav"/></speak>', "no recording `none.wav`"),
        ('<speak>a<audio src="chime.wav">{x}</audio></speak>', "a variable in the recording"),
        ('<speak><say-as interpret-as="date">tomorrow</say-as></speak>', "`tomorrow` is no date"),
        ('<speak><say-as interpret-as="time">late</say-as></speak>', "`late` is no time"),
        ('<speak><say-as interpret-as="cardinal">many</say-as></speak>', "`many` is no cardinal"),
    ],
)
def test_what_is_wrong_whatever_the_variables_are(text: str, what: str) -> None:
    (problem,) = ssml_problems(text, ("steps", "a", "say"), SOUNDS)
    assert what in problem.what
    assert problem.path == ("steps", "a", "say")


@pytest.mark.parametrize(
    "text",
    [
        '<speak><audio src="chime.wav"/></speak>',
        '<speak><say-as interpret-as="date">{day}</say-as></speak>',
        "<speak>{x}</speak>",
        recorded("chime.wav", "Ding & dong."),
    ],
)
def test_what_is_right(text: str) -> None:
    assert not list(ssml_problems(text, (), SOUNDS))


def test_a_recording_by_its_name_and_text() -> None:
    assert elements_of(recorded('a "b" & c.wav', "1 < 2 & 3")) == (Sound('a "b" & c.wav', "1 < 2 & 3"),)


@pytest.mark.parametrize(
    ("text", "said"), [("Again?", "Sorry & so. Again?"), ("<speak>Again?</speak>", "Sorry & so. Again?")]
)
def test_words_before_a_text(text: str, said: str) -> None:
    whole = behind("Sorry & so.", text)
    if is_ssml(text):
        assert transcript(parts_of(whole, "en", {})) == said
    else:
        assert whole == said


@pytest.mark.parametrize(
    ("text", "kind", "layout", "language", "said"),
    [
        ("12-04", "digits", "", "en", "1 2 0 4"),
        ("ab1", "characters", "", "en", "A B 1"),
        ("+49 30 123", "telephone", "", "de", "+ 4 9, 3 0, 1 2 3"),
        ("(555) 0123", "telephone", "", "en", "5 5 5, 0 1 2 3"),
        ("12345", "cardinal", "", "en", "12,345"),
        ("12.345", "cardinal", "", "de", "12.345"),
        ("-12345", "cardinal", "", "fr", "-12 345"),
        ("1" * 16, "cardinal", "", "en", " ".join("1" * 16)),
        ("2026-12-24", "date", "", "en-us", "Thursday, December 24, 2026"),
        ("12/24/2026", "date", "", "en-us", "Thursday, December 24, 2026"),
        ("24.12.2026", "date", "dmy", "de", "Donnerstag, 24. Dezember 2026"),
        ("30.2.2026", "date", "dmy", "de", "30.2.2026"),
        ("16:30", "time", "", "en", "4:30 PM"),
        ("4 pm", "time", "", "en", "4:00 PM"),
        ("16:30:10", "time", "", "de", "16:30 Uhr"),
        ("25:00", "time", "", "de", "25:00"),
        ("4", "time", "", "en", "4"),
    ],
)
def test_how_it_is_read(text: str, kind: str, layout: str, language: str, said: str) -> None:
    assert said_as(text, kind, layout, language) == said

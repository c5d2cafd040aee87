"""The language of a call, a question and an utterance: what the recogniser and the voice are asked for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.api.call import Call, Dialog
from offhook.api.flow_dialog import FlowAgent
from offhook.api.message import Message
from offhook.api.queued import Queued
from offhook.api.routing import Route, routed
from offhook.engines.languages import EngineLanguages
from offhook.pipeline.asr.digit_words import digit_words
from offhook.pipeline.dialog.actions import AskFor
from offhook.pipeline.dialog.runner import FlowRunner
from offhook.pipeline.dialog.template import expressions_in
from offhook.pipeline.dialog.wording import wording_in
from offhook.pipeline.events import Answer, AnswerKind, Choice, Prompt, Question
from offhook.pipeline.turn.events import TurnOver
from offhook.queues.orders import QueueEnd
from offhook.settings.flow_file import parse_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.transfer.outcome import TransferError, TransferFailure
from offhook.transfer.request import TransferRequest
from offhook.usererror import UserError

KNOWN = ("en", "de", "fr")


def spoken_by(dialog: Dialog | FlowAgent, *answers: str, language: str = "en-US") -> SimulatedCall:
    """The call after the caller has given the answers."""

    async def talk() -> SimulatedCall:
        async with SimulatedCall(dialog, language=language, languages=KNOWN) as caller:
            for answer in answers:
                await caller.waits(3.0)
                await caller.says(answer)
            await caller.over.wait()
            return caller

    return run(talk())


def languages(caller: SimulatedCall) -> list[tuple[str, str]]:
    return list(zip(caller.voice.asked_in, caller.voice.asked, strict=True))


def test_an_utterance_has_a_language_and_is_read_by_its_rules() -> None:
    async def dialog(call: Call) -> None:
        assert call.language == "en-US"
        await call.say("It is $5.")
        await call.say("Es kostet 5 €.", language="de-AT")
        await call.say("Au revoir.", language="fr")
        await call.say("Bye.")

    assert languages(spoken_by(dialog)) == [
        ("", "It is five dollars."),
        ("de", "Es kostet 5 Euro."),
        ("fr", "Au revoir."),
        ("", "Bye."),
    ]


def test_text_that_streams_has_a_language_and_its_clauses() -> None:
    async def tokens() -> AsyncIterator[str]:
        for token in ("Im 3", ". Stock", " links. ", "Bis bald."):
            yield token

    async def dialog(call: Call) -> None:
        await call.say(tokens(), language="de")
        utterance = call.start_saying("Oui.", language="fr")
        await utterance.complete()

    assert languages(spoken_by(dialog)) == [("de", "Im dritten Stock links."), ("de", "Bis bald."), ("fr", "Oui.")]


def test_a_question_is_asked_and_recognised_in_its_language() -> None:
    async def dialog(call: Call) -> None:
        await call.ask("Ja oder nein?", choices={"yes": "ja", "no": "nein"}, language="de-CH")
        await call.ask("Anything else?")

    caller = spoken_by(dialog, "ja, sehr gern", "no, thank you")
    assert caller.voice.asked_in == ["de", ""]
    assert [request.language for request in caller.asr.requests] == ["de", "en"]
    assert caller.asr.requests[0].phrases == ("ja", "nein")


def test_the_call_changes_its_language_for_all_that_follows() -> None:
    answers = []

    async def dialog(call: Call) -> None:
        await call.say("Hello.")
        call.language = "de"
        await call.say("Hallo.")
        answers.append(await call.ask("Wie bitte?"))
        call.language = "en"
        await call.say("Goodbye.")

    caller = spoken_by(dialog, "guten Tag")
    assert caller.voice.asked_in == ["", "de", "de", ""]
    assert [request.language for request in caller.asr.requests] == ["de"]
    assert answers[0].kind is AnswerKind.SPEECH


def test_listening_all_the_time_has_a_language_too() -> None:
    async def dialog(call: Call) -> None:
        turns = call.turns()
        call.expect(Question(language="fr"))
        async for event in turns:
            if isinstance(event, TurnOver):
                return

    assert [request.language for request in spoken_by(dialog, "bonjour").asr.requests] == ["fr"]


def test_a_language_that_the_engines_lack_is_an_error_and_the_call_goes_on() -> None:
    errors: list[UserError] = []

    async def dialog(call: Call) -> None:
        for attempt in (
            lambda: call.say("Ciao.", language="it"),
            lambda: call.ask("Sì o no?", language="it"),
            lambda: call.ask(None, language="it"),
        ):
            with pytest.raises(UserError) as caught:
                await attempt()
            errors.append(caught.value)
        with pytest.raises(UserError, match="'it'"):
            call.start_saying(language="it")
        with pytest.raises(UserError, match="'it'"):
            call.expect(Question(language="it"))
        with pytest.raises(UserError, match="'it'"):
            call.language = "it"
        assert call.language == "en-US"
        assert (await call.ask(None, digits=1, language="it")).digits == "7", "keys have no language"
        await call.say("Goodbye.")

    async def talk() -> list[str]:
        async with SimulatedCall(dialog, languages=KNOWN) as caller:
            await caller.waits(1.0)
            await caller.presses("7")
            await caller.hears("Goodbye.")
            return caller.voice.asked

    assert run(talk()) == ["Goodbye."]
    (problem,) = errors[0].problems
    assert (problem.what, problem.why) == (
        "the tts engine 'simulated' does not know the language 'it'",
        "it knows en, de, fr",
    )
    assert "another engine" in problem.todo
    assert "keys in place of speech" in errors[2].problems[0].todo


@pytest.mark.parametrize("tag", ["english", "de_DE", "", "1"])
def test_what_is_no_tag_is_refused(tag: str) -> None:
    async def dialog(call: Call) -> None:
        with pytest.raises(ValueError, match="BCP 47"):
            await call.say("Hello.", language=tag)
        with pytest.raises(ValueError, match="BCP 47"):
            call.language = tag
        with pytest.raises(ValueError, match="BCP 47"):
            await call.ask(None, digits=1, language=tag)

    spoken_by(dialog)


async def test_a_route_sets_the_language_of_its_calls() -> None:
    got: list[str] = []

    async def dialog(call: Call) -> None:
        got.append(call.language)

    numbers = routed([Route(("49*",), dialog, "de"), Route(("33*",), dialog)], dialog)
    for called in ("sip:4930@x", "sip:3312@x", "sip:1@x"):
        async with SimulatedCall(numbers, called=called, languages=KNOWN) as caller:
            await caller.over.wait()
    assert got == ["de", "en-US", "en-US"]


FLOW = b"""
name: hotel
start: welcome
language: de
no_input: {then: ende}
no_match: {then: ende}
steps:
  welcome:
    say: "Zimmer 5 im 3. Stock."
    next: menu
  menu:
    ask: Buchen oder stornieren?
    choices:
      buchen: {phrases: [buchen], key: 1, next: english}
      stornieren: {phrases: [stornieren], key: 2, next: ende}
  english:
    ask: In English, please?
    language: en-GB
    choices:
      fine: {phrases: [fine], next: number}
  number:
    collect: Votre code?
    language: fr
    into: pin
    digits: 4
    spoken: true
    next: ende
  ende:
    hang_up: Auf Wiedersehen.
"""


def test_a_flow_and_its_steps_have_languages() -> None:
    caller = spoken_by(FlowAgent(parse_flow(FLOW, "flow.yaml")), "buchen", "fine", "un deux trois quatre")
    assert languages(caller) == [
        ("de", "Zimmer 5 im dritten Stock."),
        ("de", "Buchen oder stornieren?"),
        ("", "In English, please?"),
        ("fr", "Votre code?"),
        ("de", "Auf Wiedersehen."),
    ]
    assert [request.language for request in caller.asr.requests] == ["de", "en", "fr"]


PEOPLE = b"""
name: support
start: wait
language: de
steps:
  wait: {queue: support, summary: Ein Anrufer., otherwise: french}
  french: {queue: support, language: fr, otherwise: pause}
  pause: {log: Two queues are full., language: it, next: connect}
  connect: {transfer: desk, mode: attended, summary: Ein Anrufer., otherwise: leave}
  leave: {record: Bitte sprechen Sie., into: message, next: ende, otherwise: ende}
  ende: {hang_up: Auf Wiedersehen.}
"""


def test_what_a_step_wants_of_the_call_is_in_the_language_of_the_step(tmp_path: Path) -> None:
    agent, waited_in, messages = FlowAgent(parse_flow(PEOPLE, "flow.yaml")), list[str](), list[Message]()
    afterwards = list[str]()

    async def keep(message: Message) -> Path:
        messages.append(message)
        return tmp_path / "message.wav"

    async def dialog(call: Call) -> None:
        await agent.run(call)
        afterwards.append(call.language)

    async def talk() -> TransferRequest | None:
        def end_of(_: str) -> Queued:
            waited_in.append(caller.call.language)
            return Queued(end=QueueEnd.TIMEOUT)

        busy = TransferError(TransferFailure.BUSY, "it failed", "for a test")
        caller = SimulatedCall(
            dialog, languages=KNOWN, queue_ends_of=end_of, transfers=True, transfer_ends=busy, on_message=keep
        )
        async with caller:
            await caller.hears("Bitte sprechen Sie.")
            await caller.waits(1.0)
            await caller.says("guten Tag", seconds=3.0)
            await caller.hears("Auf Wiedersehen.")
            await caller.over.wait()
            return caller.transfer

    request = run(talk())
    assert waited_in == ["de", "fr"]
    assert request is not None and request.language == "de", "and the voice knows nothing of `it`, which nobody speaks"
    assert [message.language for message in messages] == ["de"]
    assert afterwards == ["en-US"]


def test_the_apology_is_in_the_language_of_the_step() -> None:
    runner = FlowRunner(parse_flow(FLOW, "flow.yaml"))
    runner.start()
    runner.after(Answer(AnswerKind.SPEECH))
    assert failed(runner) == (
        "Entschuldigung, ich habe Sie nicht verstanden. "
        "Bitte benutzen Sie die Tasten: für buchen die 1, für stornieren die 2."
    )
    runner.after(Answer(AnswerKind.DTMF, choice="buchen", digits="1"))
    assert failed(runner) == "I am sorry, I had trouble hearing you. In English, please?"
    runner.after(Answer(AnswerKind.SPEECH, "fine", choice="fine"))
    assert failed(runner).startswith("Excusez-moi")


def test_the_apology_is_in_the_language_of_the_call_if_the_flow_has_none() -> None:
    plain = FLOW.replace(b"language: de\n", b"")
    runner = FlowRunner(parse_flow(plain, "flow.yaml"), "es-MX")
    runner.start()
    runner.after(Answer(AnswerKind.SPEECH))
    assert failed(runner).startswith("Disculpe")
    own = plain.replace(b"name: hotel", b"name: hotel\nlanguage: it\nwording: {apology: Pardon.}")
    runner = FlowRunner(parse_flow(own, "flow.yaml"))
    runner.start()
    runner.after(Answer(AnswerKind.SPEECH))
    assert failed(runner).startswith("Pardon. La prego di usare la tastiera: ")


def failed(runner: FlowRunner) -> str:
    action = runner.after(Answer(AnswerKind.FAILED))
    assert isinstance(action, AskFor)
    return action.prompt.text


@pytest.mark.parametrize("language", ["en", "en-GB", "de", "es", "fr", "it", "nl", "pt"])
def test_each_language_that_has_digits_has_a_wording(language: str) -> None:
    wording = wording_in(language)
    assert digit_words(language)
    assert set(expressions_in(wording.option)) == {"choice", "key"}
    assert language.startswith("en") or wording.apology != wording_in("en").apology


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (b"language: de\n", b"language: german\n", 4),
        (b"language: en-GB", b"language: en_GB", 18),
        (b"    hang_up: Auf", b"    language: 7\n    hang_up: Auf", 29),
    ],
)
def test_a_flow_with_an_odd_language_is_refused_with_its_line(old: bytes, new: bytes, line: int) -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(FLOW.replace(old, new), "flow.yaml")
    (problem,) = caught.value.problems
    assert problem.where.startswith(f"flow.yaml:{line}:")
    assert "is not a language" in problem.what


def test_norwegian_is_a_language(tmp_path: Path) -> None:
    flow = parse_flow(FLOW.replace(b"language: de\n", b"language: no\n"), "flow.yaml")
    assert flow.language == "no"


def test_an_utterance_and_a_question_may_have_a_voice_of_their_own() -> None:
    async def tokens() -> AsyncIterator[str]:
        yield "And "
        yield "goodbye."

    async def dialog(call: Call) -> None:
        await call.say("Hello.")
        await call.say("Hello.", voice="emma")
        await call.ask("How are you?", voice="fable", no_input_ms=500)
        await call.say(tokens(), voice="emma")

    caller = spoken_by(dialog)
    assert caller.voice.asked == ["Hello.", "Hello.", "How are you?", "And goodbye."]
    assert caller.voice.asked_by == ["", "emma", "fable", "emma"]


def test_a_voice_that_the_engine_does_not_have_is_refused_before_anything_is_said() -> None:
    known = EngineLanguages(tts_name="auto", voices={"heart": "en-us", "de": "de"})
    known.check_voice("heart")
    known.check_voice("de+f3")
    with pytest.raises(UserError) as caught:
        known.check_voice("haert")
    (problem,) = caught.value.problems
    assert problem.what == "the tts engine 'auto' has no voice 'haert'"
    assert (problem.why, problem.todo) == ("it has heart, de", "did you mean `heart`?")
    with pytest.raises(UserError, match="has no voice"):
        EngineLanguages(voices={}).check_voice("heart")
    EngineLanguages().check_voice("any")


VOICES = b"""\
name: hotel
start: hello
voice: heart
steps:
  hello: {say: Hello., next: more}
  more: {say: Welcome., voice: emma, next: ende}
  ende: {hang_up: Tsch\xc3\xbcss., language: de}
"""


def test_a_flow_and_its_steps_have_voices() -> None:
    caller = spoken_by(FlowAgent(parse_flow(VOICES, "flow.yaml")))
    assert list(zip(caller.voice.asked, caller.voice.asked_by, caller.voice.asked_in, strict=True)) == [
        ("Hello.", "heart", ""),
        ("Welcome.", "emma", ""),
        ("Tschüss.", "", "de"),
    ]


def test_a_voice_without_a_name_is_refused_with_its_line() -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(VOICES.replace(b"voice: emma", b'voice: ""'), "flow.yaml")
    (problem,) = caught.value.problems
    assert problem.what == "the voice has no name"
    assert problem.where.startswith("flow.yaml:6:")


HOTEL = b"""
name: hotel
start: menu
language: en
confirm_below: 0.9
no_input: {then: bye}
no_match: {then: bye}
steps:
  menu:
    ask: {en: "Book, or cancel?", fr: "R\xc3\xa9server, ou annuler ?"}
    languages: [en, fr]
    choices:
      book: {phrases: {en: [book a room], fr: ["r\xc3\xa9server une chambre"]}, key: 1, next: day}
      cancel: {phrases: {en: [cancel], fr: [annuler]}, key: 2, next: day}
  day: {collect: {en: "Which day?", fr: "Quel jour ?"}, as: date, into: day, next: bye}
  bye: {hang_up: {en: "Goodbye {call.language}.", fr: "Au revoir {call.language}."}}
"""


@pytest.mark.parametrize(
    ("said", "day", "bot", "listened"),
    [
        ("book a room", "tomorrow", ["Book, or cancel?", "Which day?", "Goodbye en."], ["en", "en"]),
        (
            "je voudrais r\u00e9server une chambre",
            "demain",
            ["Book, or cancel?", "Quel jour ?", "Au revoir fr."],
            ["en", "fr"],
        ),
        # What only resembles a phrase is asked back in the language of that phrase.
        (
            "une chambre peut-\u00eatre",
            "oui",
            ["Book, or cancel?", "Avez-vous dit r\u00e9server une chambre ?", "Quel jour ?", "Quel jour ?"],
            ["en", "fr"],
        ),
    ],
)
def test_a_call_goes_on_in_the_language_of_an_answer(said: str, day: str, bot: list[str], listened: list[str]) -> None:
    agent = FlowAgent(parse_flow(HOTEL, "hotel.yaml"))

    async def talk() -> SimulatedCall:
        async with SimulatedCall(agent, language="en", languages=KNOWN) as caller:
            for answer in (said, day):
                await caller.waits(4.0)
                await caller.says(answer)
            await caller.over.wait()
            return caller

    caller = run(talk())
    assert [line.text for line in caller.transcript if line.who == "bot"][: len(bot)] == bot
    requests = caller.asr.requests[: len(listened)]
    assert [request.language for request in requests] == listened
    assert requests[0].others == ("fr",) and "annuler" in requests[0].phrases
    assert requests[1].others == ()


@pytest.mark.parametrize(
    ("languages", "others"),
    [
        (EngineLanguages(asr=("en", "fr")), ("fr",)),
        (EngineLanguages(asr=("en", "fr"), asr_mixes=False), ()),
        (EngineLanguages(asr=("en", "de")), ()),
    ],
)
def test_a_recogniser_is_asked_for_what_it_hears_beside_the_first(
    languages: EngineLanguages, others: tuple[str, ...]
) -> None:
    async def dialog(call: Call) -> None:
        call._languages = languages
        french = (Choice("no", ("non",)),)
        await call.step(Prompt("Yes?"), Question(choices=(Choice("no", ("no thank you",)),), others=(("fr", french),)))

    assert [request.others for request in spoken_by(dialog, "no thank you", language="en").asr.requests] == [others]


def test_phrases_in_several_languages() -> None:
    answers = []

    async def dialog(call: Call) -> None:
        choices = {"book": {"en": ["book a room"], "de": ["ein Zimmer buchen"]}, "other": {"de": ["etwas anderes"]}}
        for _ in range(2):
            answer = await call.ask("Yes?", choices=choices, keys={"1": "book", "2": "other"})
            answers.append((answer.choice, answer.language))
            if answer.language is not None:
                call.language = answer.language
        with pytest.raises(ValueError, match="BCP 47"):
            await call.ask("Yes?", choices={"book": {"english": "book"}})
        with pytest.raises(ValueError, match="stands for 'a' and for 'b'"):
            await call.ask("Yes?", choices={"a": {"en": "book", "de": "buchen"}, "b": {"de": "buchen"}})
        with pytest.raises(ValueError, match="'once' stands for 'one' and for 'eleven'"):
            await call.ask("Yes?", choices={"one": {"en": "once"}, "eleven": {"es": "once"}})

    caller = spoken_by(dialog, "ein Zimmer buchen bitte", "book a room", language="en-US")
    assert answers == [("book", "de"), ("book", "en")]
    assert [(each.language, each.others) for each in caller.asr.requests] == [("en", ("de",)), ("de", ("en",))]
    assert caller.call.language == "en"

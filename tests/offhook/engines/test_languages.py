"""Languages that an engine lacks are refused before the first call: for flows, for routes, and by `offhook check`."""

from dataclasses import replace
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.routing import checked_flow, with_routes
from offhook.cli.checks.dialogs import check
from offhook.engines.engine_set import EngineSet
from offhook.engines.languages import EngineLanguages
from offhook.engines.registry import GivenEngines
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.settings.config import AsrConfig, Config, DialogConfig, RouteConfig, TtsConfig
from offhook.settings.queues import QueueConfig
from offhook.usererror import UserError

LOCAL = Config()
"""The embedded engines: a recogniser of English, a voice of many languages."""

FLOW = """\
name: hotel
start: menu
language: de
no_input: {then: ende}
no_match: {then: ende}
steps:
  menu:
    ask: Buchen?
    choices:
      ja: {key: 1, next: ende}
  ende:
    hang_up: Auf Wiederhören.
"""
WITH_PHRASES = FLOW.replace("{key: 1,", "{phrases: [ja], key: 1,")
STEP_WITH_PHRASES = (
    FLOW.replace("language: de\n", "")
    .replace("    ask: Buchen?\n", "    ask: Buchen?\n    language: de\n")
    .replace("{key: 1,", "{phrases: [ja], key: 1,")
)


async def dialog(call: Call) -> None:
    """Says nothing."""


def flow_file(folder: Path, text: str) -> Path:
    path = folder / "flow.yaml"
    path.write_text(text, "utf-8")
    return path


def refusal(folder: Path, text: str, **options: object) -> UserError:
    with pytest.raises(UserError) as caught:
        checked_flow(LOCAL, flow_file(folder, text), **options)  # type: ignore[arg-type]
    return caught.value


def test_a_flow_by_keys_needs_only_the_voice_to_know_its_language(tmp_path: Path) -> None:
    assert checked_flow(LOCAL, flow_file(tmp_path, FLOW)).language == "de"


@pytest.mark.parametrize(("text", "line"), [(WITH_PHRASES, 3), (STEP_WITH_PHRASES, 8)])
def test_a_flow_whose_language_the_recogniser_lacks_is_refused_where_it_names_it(
    tmp_path: Path, text: str, line: int
) -> None:
    (problem,) = refusal(tmp_path, text).problems
    assert problem.what == "the asr engine 'pocketsphinx' does not know the language 'de'"
    assert problem.why == "it knows en"
    assert problem.todo == "keys in place of phrases, or another engine below `[asr]`"
    assert problem.where == f"{tmp_path}/flow.yaml:{line}"


BILINGUAL = """\
name: hotel
start: which
language: en
no_input: {then: bye}
no_match: {then: bye}
steps:
  which:
    ask: English?
    language: en
    choices:
      english: {phrases: [english], key: 1, next: menu}
      german: {key: 2, next: german}
  german: {set_language: de, next: menu}
  menu:
    ask: {en: "Book?", de: "Buchen?"}
    choices:
      book: {phrases: {en: [book, please book]}, key: 1, next: bye}
  bye: {hang_up: {en: Goodbye., de: Auf Wiederhören.}}
"""


def test_a_language_that_the_recogniser_lacks_has_keys_alone_beside_another_with_phrases(tmp_path: Path) -> None:
    checked_flow(LOCAL, flow_file(tmp_path, BILINGUAL))
    (problem,) = refusal(tmp_path, BILINGUAL.replace("please book]", "please book], de: [buchen]")).problems
    assert problem.what == "the asr engine 'pocketsphinx' does not know the language 'de'"


def test_a_flow_whose_language_the_voice_lacks_is_refused(tmp_path: Path) -> None:
    (problem,) = refusal(tmp_path, FLOW.replace("language: de", "language: tlh")).problems
    assert problem.what == "the tts engine 'auto' does not know the language 'tlh'"
    assert problem.why.startswith("it knows en, en-us, af, am, ")
    assert problem.why.endswith(" more")
    assert problem.where.endswith("flow.yaml:3")


def test_the_voice_has_to_know_the_language_of_a_queue(tmp_path: Path) -> None:
    text = FLOW.replace("next: ende}", "next: wait}") + "  wait: {queue: support, language: tlh, otherwise: ende}\n"
    config = Config(queues={"support": QueueConfig(agents=())})
    with pytest.raises(UserError) as caught:
        checked_flow(config, flow_file(tmp_path, text))
    (problem,) = caught.value.problems
    assert problem.what == "the tts engine 'auto' does not know the language 'tlh'"
    assert problem.where == f"{tmp_path}/flow.yaml:13"


def test_digits_by_voice_need_the_recogniser_too(tmp_path: Path) -> None:
    collect = "    collect: Nummer?\n    into: number\n    digits: 4\n    spoken: true\n    next: ende\n"
    text = FLOW.replace("    ask: Buchen?\n    choices:\n      ja: {key: 1, next: ende}\n", collect)
    assert "'pocketsphinx'" in refusal(tmp_path, text).problems[0].what
    checked_flow(LOCAL, flow_file(tmp_path, text.replace("spoken: true", "spoken: false")))


def test_engines_that_the_program_gives_are_asked_instead_of_the_configured_ones(tmp_path: Path) -> None:
    german = FixedEngine("ja")
    german.capabilities = replace(german.capabilities, languages=("de",))
    checked_flow(LOCAL, flow_file(tmp_path, WITH_PHRASES), GivenEngines(asr=german))
    (problem,) = refusal(tmp_path, WITH_PHRASES.replace("de\n", "fr\n", 1), given=GivenEngines(asr=german)).problems
    assert problem.what == "the asr engine 'FixedEngine' does not know the language 'fr'"


def test_a_routes_language_holds_for_a_flow_without_one(tmp_path: Path) -> None:
    path = flow_file(tmp_path, WITH_PHRASES.replace("language: de\n", "").replace("ja]", "yes]"))
    english = RouteConfig(number=("1",), flow=path, language="en-GB")
    with_routes(Config(routes=(english,)), dialog)
    with pytest.raises(UserError, match="does not know the language 'de'") as caught:
        with_routes(Config(routes=(english.model_copy(update={"language": "de"}),)), dialog)
    assert caught.value.problems[0].where == str(path), "no line of it names the language"


def test_a_route_to_python_is_refused_a_language_that_an_engine_lacks() -> None:
    route = RouteConfig(number=("1",), bot=f"{__name__}:dialog", language="de")
    with pytest.raises(UserError) as caught:
        with_routes(Config(routes=(route,)), dialog)
    (problem,) = caught.value.problems
    assert problem.what == "the asr engine 'pocketsphinx' does not know the language 'de'"
    assert "`call.language = …`" in problem.todo
    assert problem.where == "[[routes]] 1, number 1"
    with_routes(Config(routes=(route.model_copy(update={"language": "en-US"}),)), dialog)


ENGLISH = FLOW.replace("language: de", "language: en").replace("Buchen", "Book").replace("Auf Wiederhören", "Goodbye")
WITH_VOICE = ENGLISH.replace("language: en\n", "language: en\nvoice: heart\n")
STEP_WITH_VOICE = ENGLISH.replace("    ask: Book?\n", "    ask: Book?\n    voice: haert\n")


def test_a_flow_and_its_steps_may_have_voices(tmp_path: Path) -> None:
    step = WITH_VOICE.replace("    ask: Book?\n", "    ask: Book?\n    voice: en-gb-x-rp+f3\n")
    flow = checked_flow(LOCAL, flow_file(tmp_path, step))
    assert [flow.voice_of(step) for step in flow.steps.values()] == ["en-gb-x-rp+f3", "heart"]


@pytest.mark.parametrize(("text", "line"), [(WITH_VOICE.replace("heart", "haert"), 4), (STEP_WITH_VOICE, 9)])
def test_a_voice_that_the_engine_lacks_is_refused_where_the_flow_names_it(tmp_path: Path, text: str, line: int) -> None:
    (problem,) = refusal(tmp_path, text).problems
    assert problem.what == "the tts engine 'auto' has no voice 'haert'"
    assert problem.todo == "did you mean `heart`?"
    assert problem.where == f"{tmp_path}/flow.yaml:{line}"
    (finding,) = [
        each
        for each in check(Config(dialog=DialogConfig(flow=flow_file(tmp_path, text))))
        if "has no voice" in each.render()
    ]
    assert f"flow.yaml:{line}" in finding.render()


def test_a_voice_of_another_language_is_refused(tmp_path: Path) -> None:
    text = FLOW.replace("    ask: Buchen?\n", "    ask: Buchen?\n    voice: heart\n")
    (problem,) = refusal(tmp_path, text).problems
    assert problem.what == "the voice 'heart' does not speak 'de'"
    assert problem.why == "it speaks 'en-us'"
    assert problem.todo == "`voice: de`, or `language: en-us`"
    checked_flow(LOCAL, flow_file(tmp_path, text.replace("voice: heart", "voice: heart\n    language: en")))


def test_the_voice_of_a_flow_leaves_steps_in_another_language_to_that_languages_own(tmp_path: Path) -> None:
    text = WITH_VOICE.replace("    hang_up: Goodbye.", "    hang_up: Auf Wiederhören.\n    language: de")
    flow = checked_flow(LOCAL, flow_file(tmp_path, text))
    assert [flow.voice_of(step) for step in flow.steps.values()] == ["heart", None]


def test_languages_that_go_by_two_names_are_one() -> None:
    known = EngineLanguages(voices={"cmn": "cmn", "nb": "nb"})
    assert known.voice_problem("cmn", "zh-TW") is None
    assert known.voice_problem("nb", "no") is None
    assert known.voice_problem("nb", "zh") is not None


def test_check_finds_it(tmp_path: Path) -> None:
    found = check(Config(dialog=DialogConfig(flow=flow_file(tmp_path, WITH_PHRASES))))
    assert any("does not know the language 'de'" in finding.render() for finding in found)
    found = check(Config(dialog=DialogConfig(flow=flow_file(tmp_path, FLOW))))
    assert not any("language" in finding.render() for finding in found)


def test_the_calls_language_needs_both_engines() -> None:
    with pytest.raises(UserError) as caught:
        EngineSet(LOCAL.model_copy(update={"dialog": DialogConfig(language="de")}))
    (problem,) = caught.value.problems
    assert problem.what == "the asr engine 'pocketsphinx' does not know the language 'de'"
    assert problem.todo.startswith('`language = "en"` below `[dialog]`, or `language: de` in a flow')
    bench = Config(asr=AsrConfig(engine="fixed"), tts=TtsConfig(engine="espeak"), dialog=DialogConfig(language="tlh"))
    with pytest.raises(UserError, match="the tts engine 'espeak' does not know the language 'tlh'"):
        EngineSet(bench)


def test_an_odd_tag_is_not_looked_up() -> None:
    with pytest.raises(ValueError, match="BCP 47"):
        EngineLanguages().check("tts", "klingon!")


KEPT = """\
name: complaint
start: why
no_input: {then: bye}
no_match: {then: bye}
steps:
  why:
    collect: Why?
    as: text
    into: why
    next: bye
  bye:
    hang_up: Goodbye.
"""


def test_any_words_take_a_recogniser_of_free_speech(tmp_path: Path) -> None:
    path = flow_file(tmp_path, KEPT)
    checked_flow(LOCAL, path)
    only_phrases = Config(asr=AsrConfig.model_validate({"pocketsphinx": {"free_speech": False}}))
    with pytest.raises(UserError) as caught:
        checked_flow(only_phrases, path)
    (problem,) = caught.value.problems
    assert problem.where == f"{path}:8"
    assert problem.what == "step `why` needs free speech"
    assert 'engine = "whisper"' in problem.todo

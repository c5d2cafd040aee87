"""Engines by name, those of other packages included."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from offhook.engines.engine_set import EngineSet
from offhook.engines.factory import EngineContext
from offhook.engines.registry import BUILT_IN, GivenEngines, make_asr, make_tts, make_vad, names
from offhook.pipeline.asr.engine import AsrCapabilities, AsrEngine, AsrRequest
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.espeak import EspeakEngine
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.vad.energy import EnergyVad
from offhook.settings.config import AsrConfig, Config, DialogConfig, TtsConfig, VadConfig
from offhook.usererror import UserError

HERE = "tests.offhook.engines.test_registry"
BENCH = Config(asr=AsrConfig(engine="fixed"), tts=TtsConfig(engine="recorded"), vad=VadConfig(engine="energy"))


def odd_asr(options: Mapping[str, Any], context: EngineContext) -> FixedEngine:
    engine = FixedEngine(f"{context.name} {options.get('model')}")
    engine.capabilities = AsrCapabilities(44_100, grammar=False, free_speech=True, partials=False)
    return engine


def german_asr(options: Mapping[str, Any], context: EngineContext) -> FixedEngine:
    engine = FixedEngine(context.language)
    engine.capabilities = replace(engine.capabilities, languages=("de", "fr-CH"))
    return engine


async def said(engine: AsrEngine) -> str:
    return (await engine.open(AsrRequest(), lambda text: None).finish()).text


@pytest.fixture
def plug_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Pretend that a package with such an engine is installed."""
    points: list[EntryPoint] = []

    def found(group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr("offhook.engines.registry.entry_points", found)

    def add(value: str, group: str) -> None:
        points.append(EntryPoint("theirs", value, group))

    return add


def test_what_comes_along() -> None:
    assert names("vad") == ["energy", "silero"]
    assert {kind: sorted(engines) for kind, engines in BUILT_IN.items()} == {
        "vad": ["energy", "silero"],
        "asr": [
            *("amazon", "assemblyai", "azure", "cartesia", "deepgram", "elevenlabs", "fixed", "google", "openai"),
            *("pocketsphinx", "sherpa", "vosk", "whisper"),
        ],
        "tts": [
            *("amazon", "azure", "cartesia", "coqui", "deepgram", "elevenlabs", "espeak", "google", "hibari", "kokoro"),
            "openai",
            *("piper", "recorded"),
        ],
    }
    assert "auto" in names("tts") and "auto" not in names("asr")


def test_by_name() -> None:
    assert isinstance(make_vad(Config(vad=VadConfig(engine="energy"))), EnergyVad)
    assert isinstance(make_asr(Config(asr=AsrConfig(engine="fixed"))), FixedEngine)
    assert isinstance(make_tts(Config(tts=TtsConfig(engine="recorded"))), RecordedEngine)


def test_the_rate_of_speech_holds_for_an_instance_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    espeak = EspeakEngine

    def recorded(**options: Any) -> EspeakEngine:
        made.append(options)
        return espeak(**options)

    monkeypatch.setattr("offhook.engines.voices.EspeakEngine", recorded)
    for own in ({}, {"rate_wpm": 200}):
        make_tts(Config(tts=TtsConfig(engine="slow", rate_wpm=100, options={"slow": {"engine": "espeak", **own}})))
    assert [options["rate_wpm"] for options in made] == [100, 200]


def test_voices_are_for_language_tags() -> None:
    options = {"espeak": {"voices": {"german": "de+f3"}}}
    with pytest.raises(UserError) as caught:
        make_tts(Config(tts=TtsConfig(engine="espeak", options=options)))
    assert "BCP 47" in caught.value.problems[0].why


def test_a_slip_of_the_pen() -> None:
    with pytest.raises(UserError) as caught:
        make_asr(Config(asr=AsrConfig(engine="pocketsphynx")))
    (problem,) = caught.value.problems
    assert problem.what == "there is no asr engine 'pocketsphynx'"
    assert problem.todo == "did you mean `pocketsphinx`?"
    assert problem.where == "[asr] engine"


def test_an_engine_of_another_package(plug_in: Callable[[str, str], None]) -> None:
    plug_in("offhook.engines.bundled:fixed", "offhook.asr")
    assert "theirs" in names("asr")
    assert isinstance(make_asr(Config(asr=AsrConfig(engine="theirs"))), FixedEngine)


@pytest.mark.parametrize("value", ["no_such_package:make", "offhook.engines.bundled:no_such_function"])
def test_an_engine_that_cannot_be_loaded(plug_in: Callable[[str, str], None], value: str) -> None:
    plug_in(value, "offhook.asr")
    with pytest.raises(EngineError, match="no_such"):
        make_asr(Config(asr=AsrConfig(engine="theirs")))


async def test_an_engine_of_a_module_and_its_options() -> None:
    engine = "tests.offhook.engines.test_registry:odd_asr"
    assert await said(make_asr(Config(asr=AsrConfig(engine=engine, options={engine: {"model": "x"}})))) == f"{engine} x"


@pytest.mark.parametrize(
    "engine",
    ["no_such_module:make", "tests.offhook.engines.test_registry:nothing", "tests.offhook.engines.test_registry:HERE"],
)
def test_a_module_without_such_a_factory(engine: str) -> None:
    with pytest.raises(EngineError, match=r"no_such|nothing|not a factory"):
        make_asr(Config(asr=AsrConfig(engine=engine)))


async def test_instances_of_one_engine_have_options_and_names_of_their_own() -> None:
    options = {"one": {"engine": HERE + ":odd_asr", "model": 1}, "two": {"engine": HERE + ":odd_asr", "model": 2}}
    made = [make_asr(Config(asr=AsrConfig(engine=name, options=options))) for name in ("one", "two")]
    assert [await said(engine) for engine in made] == ["one 1", "two 2"]


def test_an_instance_of_an_engine_that_is_not_there() -> None:
    config = Config(asr=AsrConfig(engine="mine", options={"mine": {"engine": "pocketsphynx"}}))
    with pytest.raises(UserError) as caught:
        make_asr(config)
    (problem,) = caught.value.problems
    assert (problem.todo, problem.where) == ("did you mean `pocketsphinx`?", "[asr.mine] engine")


def test_an_option_that_the_engine_does_not_have() -> None:
    config = Config(asr=AsrConfig(engine="pocketsphinx", options={"pocketsphinx": {"decoder": 4}}))
    with pytest.raises(UserError, match="there is no option `decoder`") as caught:
        make_asr(config)
    assert caught.value.problems[0].where == "[asr.pocketsphinx]"


async def test_a_recogniser_of_another_rate_is_adapted() -> None:
    config = BENCH.model_copy(update={"asr": AsrConfig(engine=HERE + ":odd_asr")})
    engines = EngineSet(config)
    assert engines.asr.capabilities.rate_hz == 16_000
    stream = engines.asr.open(AsrRequest(), lambda text: None)
    stream.feed(bytes(640))
    assert "None" in (await stream.finish()).text


@pytest.mark.parametrize(("language", "known"), [("de-AT", True), ("fr-CH", True), ("fr", False), ("en", False)])
def test_an_engine_that_does_not_know_the_language_is_refused(language: str, known: bool) -> None:
    update = {"asr": AsrConfig(engine=HERE + ":german_asr"), "dialog": DialogConfig(language=language)}
    config = BENCH.model_copy(update=update)
    if known:
        EngineSet(config)
    else:
        with pytest.raises(UserError, match=f"does not know the language '{language}'"):
            EngineSet(config)


def test_engines_that_a_program_has_made_take_the_place_of_those_of_the_settings() -> None:
    vad, asr = EnergyVad(), FixedEngine("mine")
    engines = EngineSet(BENCH, GivenEngines(vad=vad, asr=asr))
    assert engines.vad is vad
    assert [member.engine for member in engines.asr.members] == [asr]
    assert isinstance(engines.tts.members[0].engine, RecordedEngine)

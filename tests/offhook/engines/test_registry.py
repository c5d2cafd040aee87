"""Engines by name, those of other packages included."""

from collections.abc import Callable
from importlib.metadata import EntryPoint

import pytest

from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import BUILT_IN, make_asr, make_tts, make_vad, names
from offhook.pipeline.asr.engine import AsrCapabilities
from offhook.pipeline.asr.fixed import FixedEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.recorded import RecordedEngine
from offhook.pipeline.vad.energy import EnergyVad
from offhook.settings.config import AsrConfig, Config, TtsConfig, VadConfig
from offhook.usererror import UserError


def odd_asr(config: Config) -> FixedEngine:
    engine = FixedEngine("anything")
    engine.capabilities = AsrCapabilities(44_100, grammar=False, free_speech=True, partials=False)
    return engine


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
        "asr": ["fixed", "pocketsphinx"],
        "tts": ["espeak", "recorded"],
    }


def test_by_name() -> None:
    assert isinstance(make_vad(Config(vad=VadConfig(engine="energy"))), EnergyVad)
    assert isinstance(make_asr(Config(asr=AsrConfig(engine="fixed"))), FixedEngine)
    assert isinstance(make_tts(Config(tts=TtsConfig(engine="recorded"))), RecordedEngine)


def test_a_slip_of_the_pen() -> None:
    with pytest.raises(UserError) as caught:
        make_asr(Config(asr=AsrConfig(engine="pocketsphynx")))
    (problem,) = caught.value.problems
    assert problem.what == "there is no asr engine 'pocketsphynx'"
    assert problem.todo == "did you mean `pocketsphinx`?"
    assert problem.where == "[asr] engine"


def test_an_engine_of_another_package(plug_in: Callable[[str, str], None]) -> None:
    plug_in("offhook.engines.engine_set:fixed", "offhook.asr")
    assert "theirs" in names("asr")
    assert isinstance(make_asr(Config(asr=AsrConfig(engine="theirs"))), FixedEngine)


@pytest.mark.parametrize("value", ["no_such_package:make", "offhook.engines.engine_set:no_such_function"])
def test_an_engine_that_cannot_be_loaded(plug_in: Callable[[str, str], None], value: str) -> None:
    plug_in(value, "offhook.asr")
    with pytest.raises(EngineError, match="no_such"):
        make_asr(Config(asr=AsrConfig(engine="theirs")))


def test_an_engine_that_cannot_hear_a_telephone(plug_in: Callable[[str, str], None]) -> None:
    plug_in("tests.offhook.engines.test_registry:odd_asr", "offhook.asr")
    config = Config(asr=AsrConfig(engine="theirs"), tts=TtsConfig(engine="recorded"), vad=VadConfig(engine="energy"))
    with pytest.raises(UserError, match="it takes 44100 Hz, and the line brings 8000 or 16000 Hz"):
        EngineSet(config)

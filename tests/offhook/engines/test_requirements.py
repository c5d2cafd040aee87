from collections.abc import Callable
from importlib.machinery import ModuleSpec

import pytest

from offhook.engines.requirements import require_installed
from offhook.settings.config import AsrConfig, AudioConfig, Config, RtpConfig, TtsConfig
from offhook.usererror import UserError

Without = Callable[..., None]

VOICES = {"hibari": "hibari", "espeak": "espeakng_loader"}


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Without:
    """Pretends that these modules, and no others, are missing."""

    def pretend(*missing: str) -> None:
        monkeypatch.setattr(
            "offhook.engines.requirements.find_spec",
            lambda name: None if name in missing else ModuleSpec(name, None),
        )
        voices = tuple(name for name, module in VOICES.items() if module not in missing) or ("espeak",)
        monkeypatch.setattr("offhook.engines.requirements.local_voices", lambda config: voices)

    return pretend


def test_all_that_is_missing_is_one_error(without: Without) -> None:
    without("pocketsphinx", "espeakng_loader", "opuslib_next", "pywebrtc_audio")
    tts = TtsConfig(engine="espeak")
    config = Config(tts=tts, rtp=RtpConfig(codecs=("OPUS", "PCMU")), audio=AudioConfig(processor="webrtc"))
    with pytest.raises(UserError) as caught:
        require_installed(config)
    (problem,) = caught.value.problems
    assert problem.what.startswith("the recogniser pocketsphinx, the voice espeak, the codec OPUS and ")
    assert problem.todo == "pip install 'offhook[local,opus,apm]'"


def test_one_that_is_missing(without: Without) -> None:
    without("espeakng_loader")
    with pytest.raises(UserError) as caught:
        require_installed(Config(tts=TtsConfig(engine="espeak")))
    assert str(caught.value).splitlines() == [
        "the voice espeak cannot be used",
        "  why:  the package is not installed",
        "  type: pip install 'offhook[local]'",
    ]


def test_one_of_the_local_voices_is_enough(without: Without) -> None:
    without("hibari")
    require_installed(Config())
    without("espeakng_loader")
    require_installed(Config())
    without("hibari", "espeakng_loader")
    with pytest.raises(UserError, match="the voice espeak cannot be used"):
        require_installed(Config())


def test_an_instance_needs_what_its_engine_needs(without: Without) -> None:
    without("pocketsphinx")
    with pytest.raises(UserError, match="pocketsphinx"):
        require_installed(Config(asr=AsrConfig(engine="mine", options={"mine": {"engine": "pocketsphinx"}})))


def test_engines_that_are_given_need_nothing(without: Without) -> None:
    without("pocketsphinx", "espeakng_loader")
    require_installed(Config(), asr=False, tts=False)


def test_nothing_is_asked_for_that_is_not_used(without: Without) -> None:
    without("pocketsphinx", "espeakng_loader", "opuslib_next", "G722", "pywebrtc_audio")
    require_installed(Config(asr=AsrConfig(engine="fixed"), tts=TtsConfig(engine="recorded")))

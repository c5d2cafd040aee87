"""Factories of the bundled voices. Each loads its libraries only in the child process that it starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import USUAL_RATE_WPM, EngineContext, read_options
from offhook.pipeline.tts.coqui import CoquiEngine
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.espeak import MAX_RATE_WPM, MIN_RATE_WPM, EspeakEngine, voice_for
from offhook.pipeline.tts.hibari import HibariEngine
from offhook.pipeline.tts.hibari_voices import DEFAULT_VOICE, hibari_voices
from offhook.pipeline.tts.kokoro import KokoroEngine
from offhook.pipeline.tts.piper import PiperEngine
from offhook.settings.values import LanguageTag

Speed = Annotated[float, Field(ge=0.5, le=2.0)]
"""1 is the voice's own pace."""


class Options(BaseModel):
    """What all voices have: a `voice` (`tts.voice` if it is not set), and those for other languages, by BCP 47 tag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str | None = None
    voices: dict[LanguageTag, str] = {}


class EspeakOptions(Options):
    """espeak-ng's voices, and words a minute."""

    rate_wpm: Annotated[int, Field(ge=MIN_RATE_WPM, le=MAX_RATE_WPM)] | None = None


class NetworkOptions(Options):
    """A voice that is a network. `speed` follows `tts.rate_wpm` if it is not set; `workers` are child processes."""

    speed: Speed | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1


class PiperOptions(NetworkOptions):
    """Voices are files, such as "en_US-joe-medium.onnx" with its ".onnx.json" beside it: as a path, or as a name in
    `folder`."""

    folder: Path | None = None


class KokoroOptions(NetworkOptions):
    """`model` and `styles` are the files "kokoro-v1.0.onnx" and "voices-v1.0.bin"."""

    model: Path
    styles: Path


class CoquiOptions(Options):
    """`base_url` is the address of a `tts-server`; `languages` are those of its model, `voice` one of its speakers."""

    base_url: str = "http://127.0.0.1:5002"
    languages: tuple[LanguageTag, ...] = ()
    speed: Speed | None = None
    timeout_s: Annotated[float, Field(gt=0, le=60)] = 10.0


def espeak(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """The embedded voice for all languages."""
    own = read_options(EspeakOptions, options, context)
    voice = own.voice or context.voice or voice_for(context.language)
    rate_wpm = context.rate_wpm if own.rate_wpm is None else own.rate_wpm
    return EspeakEngine(voice=voice, rate_wpm=rate_wpm, voices=own.voices)


def hibari(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """The embedded voice for English."""
    own = read_options(NetworkOptions, options, context)
    voice = own.voice or context.voice or _for_english(context.language)
    return HibariEngine(voice, speed=_speed(own.speed, context), voices=own.voices, workers=own.workers)


def piper(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """A Piper voice."""
    own = read_options(PiperOptions, options, context)
    voice = own.voice or context.voice
    return PiperEngine(
        voice, speed=_speed(own.speed, context), voices=own.voices, folder=own.folder, workers=own.workers
    )


def kokoro(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """Kokoro."""
    own = read_options(KokoroOptions, options, context)
    return KokoroEngine(
        own.model,
        own.styles,
        own.voice or context.voice,
        language=context.language,
        speed=_speed(own.speed, context),
        voices=own.voices,
        workers=own.workers,
    )


def coqui(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """A server of Coqui TTS."""
    own = read_options(CoquiOptions, options, context)
    return CoquiEngine(
        own.base_url,
        own.voice or context.voice,
        language=context.language,
        voices=own.voices,
        languages=own.languages,
        speed=_speed(own.speed, context),
        timeout_s=own.timeout_s,
    )


def _for_english(language: str) -> str:
    """The voice for a kind of English: a British one if it is here."""
    known = hibari_voices().values()
    return next((each.name for each in known if each.here and each.language == language.lower()), DEFAULT_VOICE)


def _speed(own: float | None, context: EngineContext) -> float:
    return min(2.0, max(0.5, context.rate_wpm / USUAL_RATE_WPM)) if own is None else own

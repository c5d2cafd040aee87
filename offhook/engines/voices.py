"""Factories of the bundled voices. Each loads its libraries only in the child process that it starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from offhook.engines.factory import EngineContext, read_options
from offhook.engines.voice_models import check_is_here, kokoro_files, only_voice, piper_models
from offhook.engines.voice_options import LocalVoiceOptions, Speed, speed_of
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.tts.espeak import MAX_RATE_WPM, MIN_RATE_WPM, EspeakEngine, voice_for
from offhook.pipeline.tts.hibari import HibariEngine
from offhook.pipeline.tts.hibari_voices import DEFAULT_VOICE, hibari_voices
from offhook.pipeline.tts.kokoro import KokoroEngine
from offhook.pipeline.tts.piper import PiperEngine


class EspeakOptions(LocalVoiceOptions):
    """espeak-ng's voices, and words a minute."""

    rate_wpm: Annotated[int, Field(ge=MIN_RATE_WPM, le=MAX_RATE_WPM)] | None = None


class NetworkOptions(LocalVoiceOptions):
    """A voice that is a network. `speed` follows `tts.rate_wpm` if it is not set; `workers` are child processes."""

    speed: Speed | None = None
    workers: Annotated[int, Field(ge=1, le=64)] = 1


class PiperOptions(NetworkOptions):
    """Voices are names in `offhook models list --here` or in `folder`, or paths: files such as "en_US-joe-medium.onnx"
    with an ".onnx.json" beside each. Without `voice` it is the only one for the bot's language."""

    folder: Path | None = None


class KokoroOptions(NetworkOptions):
    """`model` is a name in `offhook models list --here` (without it the only one of Kokoro), a folder's path, or that
    of "kokoro-v1.0.onnx"; `styles` is "voices-v1.0.bin" if it does not lie beside that."""

    model: Annotated[str, Field(min_length=1)] | None = None
    styles: Path | None = None


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
    return HibariEngine(voice, speed=speed_of(own.speed, context), voices=own.voices, workers=own.workers)


def piper(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """Piper's voices. Raises UserError."""
    own = read_options(PiperOptions, options, context)
    models = piper_models(context, own.folder)
    voice = own.voice or context.voice or only_voice(models, context)
    for name in (voice, *own.voices.values()):
        check_is_here(name, models, context)
    return PiperEngine(voice, speed=speed_of(own.speed, context), voices=own.voices, models=models, workers=own.workers)


def kokoro(options: Mapping[str, Any], context: EngineContext) -> TtsEngine:
    """Kokoro. Raises UserError."""
    own = read_options(KokoroOptions, options, context)
    return KokoroEngine(
        *kokoro_files(own.model, own.styles, context),
        own.voice or context.voice,
        language=context.language,
        speed=speed_of(own.speed, context),
        voices=own.voices,
        workers=own.workers,
    )


def _for_english(language: str) -> str:
    """The voice for a kind of English: a British one if it is here."""
    known = hibari_voices().values()
    return next((each.name for each in known if each.here and each.language == language.lower()), DEFAULT_VOICE)

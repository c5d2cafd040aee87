"""Chooses one of an engine's voices."""

from offhook.pipeline.language import known_as
from offhook.pipeline.tts.engine import MultilingualTtsEngine, NamedVoicesTtsEngine, TtsEngine


def named_voice(engine: TtsEngine, voice: str, language: str | None) -> TtsEngine | None:
    """The engine with the voice of that name, or None if it has none; a voice that speaks several languages speaks
    `language`."""
    if not isinstance(engine, NamedVoicesTtsEngine):
        return None
    try:
        chosen = engine.with_voice(voice)
    except KeyError:
        return None
    known = None if language is None else known_as(engine.capabilities.languages, language)
    if known is None or engine.voices.get(voice) or not isinstance(engine, MultilingualTtsEngine):
        return chosen
    return named_voice(engine.in_language(known), voice, None) or chosen

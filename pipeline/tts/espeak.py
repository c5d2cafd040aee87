"""A voice that needs no model file: espeak-ng. In child processes only: it is GPL-3, this package is not."""

from collections.abc import Mapping
from importlib.util import find_spec

from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as
from offhook.pipeline.tts.clause_tts import LIMITS, MAX_TEXT_CHARS, ClauseTts, Voices
from offhook.pipeline.tts.espeak_voices import installed_names, installed_voices
from offhook.pipeline.tts.normalize import language_of_voice

__all__ = ["MAX_TEXT_CHARS", "EspeakEngine"]

NAME = "espeak"
HOST = "offhook.pipeline.engine_host.espeak_engine:HostedEspeak"

MIN_RATE_WPM, MAX_RATE_WPM = 80, 450
"""The rates that espeak-ng supports."""

DEFAULT_VOICE = "en-us"


class EspeakEngine(ClauseTts):
    """`TtsEngine` over `workers` children, see ClauseTts.

    `voice` is one of espeak-ng's names ("en-us", "en-gb-x-rp", "de" …). `in_language` speaks with the voice that
    `voices` has for the language, or with espeak-ng's own for it. Raises ValueError for a rate of speech that espeak-ng
    does not support.
    """

    def __init__(
        self,
        voice: str = DEFAULT_VOICE,
        rate_wpm: int = 165,
        *,
        voices: Mapping[str, str] | None = None,
        workers: int = 1,
        limits: HostLimits = LIMITS,
    ) -> None:
        if not MIN_RATE_WPM <= rate_wpm <= MAX_RATE_WPM:
            raise ValueError(f"{rate_wpm} words a minute, not {MIN_RATE_WPM} to {MAX_RATE_WPM}")
        chosen = {tag.lower(): name for tag, name in (voices or {}).items()}
        super().__init__(
            NAME,
            HOST,
            Voices(voice, language_of_voice(voice), installed_voices() | chosen, installed_names()),
            options={"voice": voice, "rate_wpm": rate_wpm, "voices": sorted(set(chosen.values()))},
            workers=workers,
            limits=limits,
        )

    async def start(self) -> None:
        """Start the children. Raises EngineError if espeak-ng is not installed, or has no such voice."""
        if find_spec("espeakng_loader") is None:
            hint = "Type: pip install 'offhook[local]'"
            raise EngineError(NAME, "starting", "the package espeakng-loader is not installed", hint)
        await super().start()

    def with_voice(self, voice: str) -> "EspeakEngine":
        """The same children with another voice, with or without a variant ("de+f3"). Raises KeyError for another."""
        base, _, _ = voice.partition("+")
        return self._speaking(voice, self.voices[base.lower()] or self._language)


def voice_for(language: str) -> str:
    """espeak-ng's voice for a language; "en" is American, as everything else here."""
    known = known_as(tuple(installed_voices()), language)
    return DEFAULT_VOICE if known in (None, "en") else installed_voices()[known]

"""Kokoro's voices, from the two files that its users have. In child processes: it takes long, and loads GPL code."""

from collections.abc import Mapping
from pathlib import Path

from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import covers
from offhook.pipeline.tts.clause_tts import ClauseTts, Voices
from offhook.pipeline.tts.kokoro_files import NAME, has_lengths, languages_in

HOST = "offhook.pipeline.engine_host.kokoro_engine:HostedKokoro"
DEFAULT_VOICE = "af_heart"

LIMITS = HostLimits(start_s=60.0, max_streams=64, request_s=10.0, hung_s=15.0)
"""A sentence takes half as long as it lasts, on one core of a small machine; the model takes seconds to load."""


class KokoroEngine(ClauseTts):
    """`TtsEngine` over `workers` children, see ClauseTts.

    `model` is "kokoro-v1.0.onnx" or a smaller one, `styles` "voices-v1.0.bin". `voice` is one of the voices in it
    ("af_heart"), "" the first for `language`; `voices` has those for other languages, for which otherwise the first
    serves. Words have exact places where the model gives the lengths of phonemes, as those of the list of models do.
    `speed` is 0.5 to 2. Raises EngineError for files that are not there.
    """

    def __init__(
        self,
        model: Path,
        styles: Path,
        voice: str = "",
        *,
        language: str = "en",
        speed: float = 1.0,
        voices: Mapping[str, str] | None = None,
        workers: int = 1,
        limits: HostLimits = LIMITS,
    ) -> None:
        if not model.is_file():
            raise EngineError(NAME, "starting", f"there is no file {model}", "Set `model` below [tts.kokoro].")
        known = languages_in(styles)
        if DEFAULT_VOICE in known:
            known = {DEFAULT_VOICE: known[DEFAULT_VOICE]} | known
        chosen = {tag.lower(): name for tag, name in (voices or {}).items()}
        first = next((name for name, tag in known.items() if covers(language, tag) or covers(tag, language)), "")
        voice = voice or first or next(iter(known), "")
        for name in (voice, *chosen.values()):
            if name not in known:
                raise EngineError(NAME, "starting", f"{styles} has no voice {name!r}", f"It has {', '.join(known)}.")
        by_language = {tag: name for name, tag in reversed(known.items())}
        by_language = {tag.partition("-")[0]: name for tag, name in reversed(by_language.items())} | by_language
        own = known[voice]
        super().__init__(
            NAME,
            HOST,
            Voices(
                voice,
                own,
                by_language | {own.partition("-")[0]: voice, own: voice} | chosen,
                known,
                frozenset(known) if has_lengths(model) else frozenset(),
            ),
            options={"voice": voice, "model": str(model), "styles": str(styles), "languages": known},
            speed=speed,
            workers=workers,
            limits=limits,
        )

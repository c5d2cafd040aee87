"""The default voice for English: hibari-tts, a network of 8 MB that comes with its voice. In child processes."""

from collections.abc import Mapping

from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.clause_tts import LIMITS, ClauseTts, Voices
from offhook.pipeline.tts.hibari_voices import DEFAULT_VOICE, VERSION, hibari_version, hibari_voices

NAME = "hibari"
HOST = "offhook.pipeline.engine_host.hibari_engine:HostedHibari"
HINT = "Type: pip install 'offhook[local]'"


class HibariEngine(ClauseTts):
    """`TtsEngine` over `workers` children, see ClauseTts.

    `voice` is one of hibari's: "heart" comes with the package, others are used once they have been downloaded.
    `voices` has those for kinds of English ({"en-GB": "emma"}); a British voice that is here serves for en-GB
    unasked. `speed` is 0.5 to 2. Places of words are exact for "heart" as it comes with the version that is pinned, and
    estimated for any other model.
    """

    def __init__(
        self,
        voice: str = DEFAULT_VOICE,
        *,
        speed: float = 1.0,
        voices: Mapping[str, str] | None = None,
        workers: int = 1,
        limits: HostLimits = LIMITS,
    ) -> None:
        known = hibari_voices()
        here = {name: each for name, each in known.items() if each.here}
        by_language = {"en": voice} | {each.language: name for name, each in reversed(here.items())}
        by_language["en-us"] = voice if voice not in here or here[voice].language == "en-us" else DEFAULT_VOICE
        by_language |= {tag.lower(): name for tag, name in (voices or {}).items()}
        self._wanted = dict.fromkeys((voice, *(voices or {}).values()))
        super().__init__(
            NAME,
            HOST,
            Voices(
                voice,
                here[voice].language if voice in here else "en-us",
                by_language,
                {name: each.language for name, each in here.items()},
                frozenset(name for name, each in here.items() if each.exact),
            ),
            options={
                "voice": voice,
                "models": {name: str(each.path) for name, each in here.items()},
                "british": [name for name, each in here.items() if each.language == "en-gb"],
                "exact": [name for name, each in here.items() if each.exact],
            },
            speed=speed,
            workers=workers,
            limits=limits,
        )

    async def start(self) -> None:
        """Start the children. Raises EngineError if hibari is not installed, or a voice is not here."""
        if not hibari_voices():
            raise EngineError(NAME, "starting", "the package hibari-tts is not installed", HINT)
        if hibari_version() != VERSION:
            why = f"this works with hibari-tts {VERSION}, and {hibari_version()} is installed"
            raise EngineError(NAME, "starting", why, HINT)
        for voice in self._wanted:
            self._check(voice)
        await super().start()

    def _check(self, voice: str) -> None:
        known = hibari_voices()
        if voice not in known:
            raise EngineError(NAME, "starting", f"it has no voice {voice!r}", f"It has {', '.join(known)}.")
        if not known[voice].here:
            why = f"its voice {voice!r} has not been downloaded: there is no {known[voice].path}"
            raise EngineError(NAME, "starting", why, f"Type: hibari --voice {voice} Hello")

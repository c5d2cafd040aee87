"""Which voices `[tts] engine = "auto"` is made of."""

from importlib.util import find_spec

from offhook.pipeline.tts.hibari_voices import hibari_voices
from offhook.settings.config import TtsConfig

AUTO, HIBARI, ESPEAK = "auto", "hibari", "espeak"


def local_voices(config: TtsConfig) -> tuple[str, ...]:
    """The engines, the best first: hibari for English, espeak-ng for the rest; what is not installed is left out.

    A `voice` that hibari does not have is one of espeak-ng's, which then speaks everything.
    """
    hibari = bool(hibari_voices()) and (config.voice is None or config.voice in hibari_voices())
    espeak = find_spec("espeakng_loader") is not None
    return ((HIBARI,) if hibari else ()) + ((ESPEAK,) if espeak or not hibari else ())

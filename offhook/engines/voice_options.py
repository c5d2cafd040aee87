"""Options that the voices on the user's own machines have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import USUAL_RATE_WPM, EngineContext
from offhook.settings.values import LanguageTag

MIN_SPEED, MAX_SPEED = 0.5, 2.0

Speed = Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED)]
"""1 is the voice's own pace."""


class LocalVoiceOptions(BaseModel):
    """What they all have: a `voice` (`tts.voice` if it is not set), and those for other languages, by BCP 47 tag."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voice: str | None = None
    voices: dict[LanguageTag, str] = {}


def speed_of(own: float | None, context: EngineContext) -> float:
    """The option `speed`; if it is not set, what `tts.rate_wpm` asks for."""
    return min(MAX_SPEED, max(MIN_SPEED, context.rate_wpm / USUAL_RATE_WPM)) if own is None else own

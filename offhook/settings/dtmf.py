"""`[dtmf]`: how keys come in SIP calls, and how ours go."""

from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import Section

ReceivePath = Literal["rfc4733", "info", "inband"]
SendPath = Literal["auto", "rfc4733", "info", "inband"]


class DtmfConfig(Section):
    """Keys (DTMF) over SIP. A key that comes by several ways at once counts once."""

    receive: Annotated[tuple[ReceivePath, ...] | None, Field(examples=[("rfc4733", "info", "inband")])] = None
    """By which ways keys are received: RTP events (RFC 4733), SIP INFO, tones in G.711 audio. Not set: events and INFO,
    and tones only where the far end has no events. Tones are silenced before the recogniser gets the audio."""

    send: SendPath = "auto"
    """How the bot sends keys. `auto`: as events where the far end takes them, else by INFO where its Allow has that,
    else as tones. `[trunks.NAME] dtmf` has another value for its calls."""

    @field_validator("receive")
    @classmethod
    def _some(cls, paths: tuple[ReceivePath, ...] | None) -> tuple[ReceivePath, ...] | None:
        if paths is not None and not paths:
            raise PydanticCustomError("none", "without any way no key is received", {"example": ("rfc4733", "info")})
        return paths

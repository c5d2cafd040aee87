"""`[signalling]`: what is agreed on with the far end of a SIP call beyond its media."""

from dataclasses import replace
from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import Section
from offhook.settings.trunks import TrunkConfig
from offhook.sip.policy import DialogPolicy, Use


class SignallingConfig(Section):
    """Extensions of SIP in calls, for all that have no other value in their trunk (`[trunks.NAME]`)."""

    reliable_provisionals: Literal["off", "supported", "required"] = "supported"
    """Whether provisional responses are acknowledged (100rel, PRACK). `supported`: those with media, and all where the
    far end requires it; `required`: all, and a far end without it is refused."""

    session_timer: Literal["off", "supported", "required"] = "supported"
    """Whether calls are refreshed, so that one whose far end is gone does not go on (RFC 4028). `required`: a far end
    without it is refused."""

    session_expires_s: Annotated[int, Field(ge=90, le=86_400)] = 1_800
    """The time without a refresh after which a call ends, where we propose it; a refresh is sent at half of it."""

    min_session_expires_s: Annotated[int, Field(ge=90, le=86_400)] = 90
    """The shortest such time that the far end may propose; a shorter one is answered 422."""

    @model_validator(mode="after")
    def _no_shorter_than_the_shortest(self) -> Self:
        if self.session_expires_s < self.min_session_expires_s:
            why = "`session_expires_s` is below `min_session_expires_s`"
            raise PydanticCustomError(
                "too_short", why, {"key": "session_expires_s", "at": "session_expires_s", "example": 1_800}
            )
        return self

    def policy(self, trunk: TrunkConfig | None = None) -> DialogPolicy:
        """For calls of a trunk, or of none."""
        if trunk is None:
            return self._policy(None)
        servers = tuple(ip_network(each, strict=False) for each in trunk.addresses)
        user = trunk.auth_user or trunk.user or ""
        return replace(self._policy(trunk), servers=servers, auth_host=trunk.uri_host.lower(), auth_user=user)

    def _policy(self, trunk: TrunkConfig | None) -> DialogPolicy:
        reliable = trunk.reliable_provisionals if trunk is not None else None
        timer = trunk.session_timer if trunk is not None else None
        expires_s = trunk.session_expires_s if trunk is not None else None
        return DialogPolicy(
            Use(reliable or self.reliable_provisionals),
            Use(timer or self.session_timer),
            max(expires_s or self.session_expires_s, self.min_session_expires_s),
            self.min_session_expires_s,
        )

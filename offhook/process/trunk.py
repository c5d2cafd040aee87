"""One trunk, and where it stands."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum

from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.flow import Target, Transport


class TrunkState(StrEnum):
    """Where a trunk stands."""

    RESOLVING = "resolving"  # its host has no known address yet
    IN_USE = "in_use"  # it wants no registration
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILED = "failed"  # refused or unanswered; tried again later
    ENDED = "ended"


@dataclass(slots=True)
class Trunk:
    """A trunk that a bot uses: its settings, and what is known of it now."""

    name: str
    config: TrunkConfig
    state: TrunkState = TrunkState.RESOLVING
    since: float = 0.0
    targets: tuple[Target, ...] = ()
    at: Target | None = None
    """Where its REGISTERs and its OPTIONS go."""
    why: str = ""
    todo: str = ""
    ping_why: str = ""
    """Why it is not there, as the latest OPTIONS has shown, and what to do."""
    ping_todo: str = ""
    tried: set[Target] = field(default_factory=set)
    """Targets that have failed since it was last registered, or last waited."""
    is_there: bool | None = None
    """What the latest OPTIONS has shown; None: none was answered or given up yet."""
    answered_after_s: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def problem(self) -> tuple[str, str]:
        """Why it cannot be used, or is not there, and what to do; both empty if all is well."""
        return (self.why, self.todo) if self.why else (self.ping_why, self.ping_todo)

    @property
    def is_open(self) -> bool:
        """Whether the user agent has its account."""
        return self.config.registration and self.at is not None and self.state is not TrunkState.ENDED

    @property
    def ways(self) -> tuple[Target, ...]:
        """What is kept open: the way of a registration, and connections over TLS where we have no certificate: the far
        end of a call reaches us by them alone."""
        if self.config.registration:
            return () if self.at is None else (self.at,)
        return tuple(each for each in self.targets if each.transport.is_secure)


def transport_wanted(trunk: TrunkConfig) -> Transport | None:
    """The transport that is set; None: as the domain's records say."""
    return None if trunk.transport == "auto" else Transport(trunk.transport.upper())

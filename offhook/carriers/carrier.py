"""A carrier brings calls to a bot. SIP and media streams are built in; packages can add others.

A carrier makes one object for each call (`calls.registry.AnyCall`), adds it to the registry, and gives the call's
`Conversation` a `CallLine`. The conversation itself is the same over all carriers.

An installed package adds a carrier with an entry point in the group `offhook.carriers`: a function that takes a
`CarrierContext` and returns a `Carrier`, or None if the settings do not enable it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.observe.refusals import Refusal

GROUP = "offhook.carriers"


class Carrier(Protocol):
    """One carrier in one process. Everything runs on the event loop's thread."""

    name: str
    """Shown in the log and by `offhook status`."""

    async def start(self) -> None:
        """Accept calls from now on. Raises UserError."""

    async def stop(self) -> None:
        """Free everything, once no call is left. Also after a failed start. Idempotent."""

    def refusal(self) -> Refusal | None:
        """Why this carrier can take no new call now; None: it can."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


@dataclass(frozen=True, slots=True)
class CarrierContext:
    """What a carrier is given.

    Before each new call: `await admit(handle)`. None means that the call is admitted, and counts until `calls.over`;
    otherwise it is the reason to refuse the call.
    """

    services: Services
    calls: Calls
    admit: Callable[[str], Awaitable[Refusal | None]]


def installed_carriers(context: CarrierContext) -> list[Carrier]:
    """The carriers of installed packages. Raises what their functions raise: UserError for settings."""
    made = [point.load()(context) for point in entry_points(group=GROUP)]
    return [carrier for carrier in made if carrier is not None]

"""What brings calls to a bot: a carrier. SIP and media streams are two; others are packages with an entry point.

A carrier makes one object for each call (`calls.registry.AnyCall`), adds it to the registry, and gives the call's
`Conversation` a `CallLine`. What the conversation says, hears and records is the same over all of them.

An installed package adds one by an entry point in the group `offhook.carriers`: a function that takes a
`CarrierContext` and returns a `Carrier`, or None where the settings do not ask for it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from offhook.calls.conversation import Services
from offhook.calls.registry import Calls
from offhook.observe.refusals import Refusal

GROUP = "offhook.carriers"


class Carrier(Protocol):
    """One way for calls to come in, in one process. All of it runs on the event loop's thread."""

    name: str
    """As the log and `offhook status` show it."""

    async def start(self) -> None:
        """Calls may come from now on. Raises UserError."""

    async def stop(self) -> None:
        """No call comes any more, and there is none left: free everything. Also after a failed start. Idempotent."""

    def refusal(self) -> Refusal | None:
        """Why no new call can come over this carrier now; None: it can."""

    def dump(self) -> dict[str, object]:
        """The live state, for people."""


@dataclass(frozen=True, slots=True)
class CarrierContext:
    """What a carrier is made of.

    Before each new call: `await admit(handle)`. It is None where the bot has room, and the call counts from then
    on until `calls.over`; else it says why there is none.
    """

    services: Services
    calls: Calls
    admit: Callable[[str], Awaitable[Refusal | None]]


def installed_carriers(context: CarrierContext) -> list[Carrier]:
    """Those that installed packages bring. Raises what their functions raise: UserError for settings."""
    made = [point.load()(context) for point in entry_points(group=GROUP)]
    return [carrier for carrier in made if carrier is not None]

"""The user agent of a check: that of the bot, on a port of its own, with a note of every message."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from offhook.carriers.sip_outbound import for_one_call
from offhook.process.sockets import open_endpoint
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig
from offhook.sip.errors import ParseError
from offhook.sip.events import Event
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Flow, Target
from offhook.sip.uas_checks import Refusal

T = TypeVar("T")

MAX_NOTED = 400
"""Messages: a far end may repeat a provisional response for as long as it is waited for."""

BUSY_HERE = 486


@dataclass(frozen=True, slots=True)
class Noted:
    """A message, the monotonic time of its passing, and whether it was received."""

    at_s: float
    message: Request | Response
    peer: Address
    received: bool

    @property
    def method(self) -> str:
        """Of the request, or of the one that is answered."""
        return (self.message.headers.get("CSeq") or "").rpartition(" ")[2].upper()

    @property
    def call_id(self) -> str:
        """The Call-ID, empty without one."""
        return self.message.headers.get("Call-ID") or ""


@dataclass(slots=True)
class Probe:
    """A check's endpoint, on loan for as long as the check runs. `targets` are where the trunk is, as far as it has
    been found, the first choice first."""

    name: str
    trunk: TrunkConfig
    config: Config
    endpoint: Endpoint = field(init=False)
    targets: tuple[Target, ...] = ()
    noted: deque[Noted] = field(default_factory=lambda: deque(maxlen=MAX_NOTED))
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=MAX_NOTED))
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, found: Callable[[], T | None], seconds: float) -> T | None:
        """What `found` returns as soon as that is not None; None after `seconds`. It is asked after each message and
        each event."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (result := found()) is None and (left_s := deadline - loop.time()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left_s)
            except TimeoutError:
                return found()
        return result

    def responses(self, method: str | None = None, call_id: str | None = None) -> list[tuple[float, Response]]:
        """The responses that have come, with their times; to one method or any, of one Call-ID or any."""
        return [
            (each.at_s, each.message)
            for each in self.noted
            if isinstance(each.message, Response)
            and each.received
            and method in (None, each.method)
            and call_id in (None, each.call_id)
        ]

    def requests(self, method: str) -> list[Request]:
        """Those that were sent."""
        found = (each.message for each in self.noted if not each.received)
        return [each for each in found if isinstance(each, Request) and each.method == method]

    def answer_of(self, target: Target, method: str) -> Response | None:
        """The latest response of a target to that method."""
        for each in reversed(self.noted):
            message, is_its = each.message, each.received and each.peer == target.address
            if isinstance(message, Response) and is_its and each.method == method:
                return message
        return None

    def note(self, data: bytes, flow: Flow, received: bool) -> None:
        """For the endpoint."""
        try:
            message = parse(data)
        except ParseError:
            return  # the user agent judges it
        self.noted.append(Noted(asyncio.get_running_loop().time(), message, flow.remote, received))
        self._changed.set()

    def on_event(self, event: Event) -> None:
        """For the endpoint."""
        self.events.append(event)
        self._changed.set()


@asynccontextmanager
async def opened(config: Config, name: str) -> AsyncIterator[Probe]:
    """A probe for a trunk, on a free port, since a bot may have that of the settings. Raises UserError."""

    def admit(method: str, source: Address) -> Refusal | None:
        return Refusal(BUSY_HERE) if method == "INVITE" else None

    own = for_one_call(config, own_port=False)
    probe = Probe(name, config.trunks[name], own)
    probe.endpoint = endpoint = await open_endpoint(own, probe.on_event, admit, lambda _: False, lambda *_: name)
    endpoint.message_listeners.append(probe.note)
    try:
        yield probe
    finally:
        endpoint.close()

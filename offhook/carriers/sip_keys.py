"""The keys of a SIP call: the ways that settings and the far end allow, and those that go by SIP INFO."""

import asyncio
from collections import deque
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from offhook.carriers.sip_line import SipLine
from offhook.settings.config import Config
from offhook.sip.commands import Command, SendKey
from offhook.sip.events import KeyReceived, KeyRefused
from offhook.sip.message.headers import Headers
from offhook.sip.sdp.negotiate import NegotiatedAudio
from offhook.telephony.dtmf_keys import KeyPath
from offhook.telephony.net.line_keys import DtmfPaths

KEY_MS = 100
PACE_S = 0.2
"""From one INFO to the next: some gateways play a tone for each, and drop what comes meanwhile."""


class SipKeys:
    """The keys of one call, `trunk` empty for a call without. `do` passes a command to the user agent."""

    def __init__(
        self,
        handle: str,
        config: Config,
        trunk: str,
        headers: Headers,
        do: Callable[[Command], None],
        log: FilteringBoundLogger,
    ) -> None:
        self._handle = handle
        self._do = do
        self._log = log
        self._line: SipLine | None = None
        self._waiting: deque[str] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._refused = False
        self._receive = config.dtmf.receive
        own = config.trunks[trunk].dtmf if trunk in config.trunks else None
        self._send = own or config.dtmf.send
        self._takes_info = any("INFO" in value.upper() for value in headers.get_all("Allow"))

    @property
    def by_event(self) -> bool:
        """Whether telephone-event is negotiated."""
        return self._receive is None or "rfc4733" in self._receive

    def paths(self) -> DtmfPaths:
        """For the line."""
        auto = self._send == "auto"
        receive = None if self._receive is None else frozenset(map(KeyPath, self._receive))
        info = self.send if self._send == "info" or (auto and self._takes_info) else None
        return DtmfPaths(receive, None if auto else KeyPath(self._send), info)

    def allow(self, methods: frozenset[str]) -> None:
        """What the far end takes is known: of a call that we placed, with its answer."""
        self._takes_info = "INFO" in methods
        if self._line is not None:
            self._line.use_dtmf(self.paths())

    def attach(self, line: SipLine) -> None:
        """The call's line: keys wait until what is queued on it has been sent."""
        self._line = line
        line.use_dtmf(self.paths())
        line.add_listener(drained=self._next)

    def log_missing_events(self, audio: NegotiatedAudio, line: SipLine) -> None:
        """The far end has no telephone-event (RFC 4733): say what is left."""
        if audio.receive_dtmf_payload_type is None:
            left = "INFO and tones" if line.hears_tones else "INFO only"
            self._log.warning("the far end sends keys without RTP events", why="none were negotiated", heard=left)

    def on_event(self, event: KeyReceived | KeyRefused) -> None:
        """A key came by INFO, or ours was not taken, which is logged once."""
        if isinstance(event, KeyReceived):
            if self._line is not None:
                self._line.receive_key(event.digit, event.duration_ms)
        elif not self._refused:
            self._refused = True
            todo = '`send = "inband"` below `[dtmf]`, or `dtmf` below the trunk'
            self._log.warning("a key was not taken by INFO", status=event.status, why=event.reason, todo=todo)

    def send(self, digits: str) -> None:
        """Send keys by INFO, one after the other, after what is queued."""
        self._waiting.extend(digits)
        self._next()

    def close(self) -> None:
        """The call is over."""
        self._waiting.clear()
        self._line = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        line = self._line
        if line is None or self._timer is not None or not self._waiting or line.queued_ticks:
            return
        self._do(SendKey(self._handle, self._waiting.popleft(), KEY_MS))
        self._timer = asyncio.get_running_loop().call_later(PACE_S, self._paced)

    def _paced(self) -> None:
        self._timer = None
        self._next()

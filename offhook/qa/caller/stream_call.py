"""A call over a media stream (Twilio's messages over a WebSocket), as the carrier's side of it."""

import asyncio
import time

from offhook.qa.caller.incoming import Piece
from offhook.qa.caller.scripted_call import ScriptedCall
from offhook.qa.caller.sip_call import Signalling
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.script.script import CallSettings
from offhook.telephony.codec import PCMU
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.wire import telephone_event
from offhook.testing.carrier import Carrier
from offhook.testing.sip_caller import CallFailedError

CLOSE_S = 2.0


class StreamCall:
    """One call. What the far end sends is heard as the carrier plays it: one piece after the other in real time."""

    def __init__(self, settings: CallSettings, call: ScriptedCall) -> None:
        self._settings = settings
        self._call = call
        self._carrier: Carrier | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._presses: set[asyncio.Task[None]] = set()
        self.call_id = ""
        self.signalling = Signalling()
        self.messages: list[SipMessage] = []

    @property
    def is_up(self) -> bool:
        """Whether it is connected, and not over."""
        return self.signalling.answered_s is not None and not self.signalling.ended_by

    async def dial(self, url: str) -> None:
        """Connect; a refusal is in `signalling`."""
        self.signalling.invited_s = time.monotonic()
        parameters = {"from": self._settings.caller} | dict(self._settings.headers)
        try:
            carrier = await Carrier.dial(url, parameters=parameters, source=self._frame)
        except CallFailedError as error:
            self._over("bot", str(error))
            return
        self._carrier, self.call_id = carrier, carrier.call_sid
        self.signalling.answered_s = time.monotonic()
        carrier.add_listener(self._heard)
        self._call.late_ms = carrier.late_ms
        self._watch = asyncio.create_task(self._watch_end(carrier))

    def hold(self, on: bool) -> None:
        """Streams have no hold: the far end hears silence."""

    def press(self, key: str) -> None:
        """Keys of a stream are messages of its own."""

    def hang_up(self) -> None:
        """End it. Idempotent."""
        if self.is_up and self._carrier is not None:
            self._over("caller", "the script hung up")
            self._ending = asyncio.create_task(self._carrier.hang_up())

    async def drained(self) -> None:
        """Wait until the connection is closed."""
        if self._ending is not None:
            await asyncio.wait((self._ending,), timeout=CLOSE_S)

    def close(self) -> None:
        """Free everything."""
        if self._watch is not None:
            self._watch.cancel()
        if self._carrier is not None and not self._carrier.over.is_set():
            self._carrier.drop()

    async def _watch_end(self, carrier: Carrier) -> None:
        await carrier.over.wait()
        if not self.signalling.ended_by:
            code, reason = carrier.log.closed or (1006, "")
            self._over("bot" if code == 1000 else "network", f"the stream was closed: {code} {reason}".strip())
            self._call.over()

    def _over(self, by: str, why: str) -> None:
        if not self.signalling.ended_by:
            self.signalling.ended_s, self.signalling.ended_by, self.signalling.why = time.monotonic(), by, why

    def _frame(self, now: float) -> bytes:
        """20 ms of what the caller says."""
        pcm, key, begins = self._call.outgoing.frame(now, 0)
        if self._call.recorder is not None:
            self._call.recorder.spoken(pcm, now)
        if begins:
            self._call.on_sound()
        if key is not None and key.marker and self._carrier is not None:
            digit = telephone_event.DIGITS[telephone_event.parse(key.payload).event]
            press = asyncio.create_task(self._carrier.press(digit))
            self._presses.add(press)
            press.add_done_callback(self._pressed)
        self._call.on_frame()
        return PCMU.encode(pcm)

    def _pressed(self, press: asyncio.Task[None]) -> None:
        self._presses.discard(press)
        if not press.cancelled():
            press.exception()  # the far end has hung up meanwhile: `_watch_end` notices

    def _heard(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        began_s = at_s - len(pcm) / 2 / RATE_HZ
        piece: Piece = self._call.received.place(pcm, at_tick, began_s)
        self._call.on_heard(piece, began_s)

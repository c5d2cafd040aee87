"""A party with a SIP address and audio of its own: it calls, is called, refers and is referred, and hears a tone."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TypeVar

import numpy as np

from offhook.carriers.rtp_settings import rtp_config
from offhook.sip.commands import Answer, Bye, Command, Invite, Reinvite
from offhook.sip.events import CallAnswered, CallCancelled, CallEnded, CallProgress, CallRejected, Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.policy import DialogPolicy
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony import tones
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from tests.ports import own_ports

HOST = "127.0.0.1"

E = TypeVar("E")


class Party:
    """Plays a tone of `hz` without end in its calls. `answers`: whether at once, and how: None: it rings."""

    def __init__(self, hz: float, *, answers: int | None = 200) -> None:
        self.hz = hz
        self.answers = answers
        self.events: list[Event] = []
        self.keys = ""
        self.heard = bytearray()
        """The last second."""
        self.heard_ticks = 0
        self._changed = asyncio.Event()
        self._clock = MediaClock()
        self._ports = PortPool(*own_ports(), HOST)
        self._offers: dict[str, tuple[OfferAnswer, PortPair]] = {}
        self._lines: dict[str, UdpLine] = {}
        self._talking: dict[str, asyncio.Task[None]] = {}
        self.on_event: Callable[[Event], None] = lambda event: None
        self._endpoint: Endpoint | None = None

    @property
    def endpoint(self) -> Endpoint:
        assert self._endpoint is not None
        return self._endpoint

    @property
    def address(self) -> Address:
        return self.endpoint.address

    async def open(self) -> None:
        self._endpoint = await Endpoint.open(HOST, 0, self._on_event)

    def do(self, command: Command) -> None:
        self.endpoint.do(command)

    def _media(self, handle: str) -> OfferAnswer:
        pair = self._ports.acquire(monotonic())
        offers = OfferAnswer(LocalMedia(HOST, pair.port, 1, 1), AudioCapabilities(("PCMU",)))
        self._offers[handle] = offers, pair
        return offers

    def call(self, target: str, *headers: tuple[str, str], policy: DialogPolicy | None = None) -> str:
        invite = Invite(target, b"", headers=headers, policy=policy)
        return self.endpoint.do(replace(invite, sdp=self._media(invite.call).offer()))

    def answer(self, handle: str, sdp: bytes) -> None:
        self.do(Answer(handle, self._media(handle).answer(sdp)))
        self._talk(handle)

    def early(self, handle: str, sdp: bytes) -> bytes:
        """Our answer, for a response before the call is answered; the tone is sent from now on."""
        answer = self._media(handle).answer(sdp)
        self._talk(handle)
        return answer

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        match event:
            case CallProgress(call=call, sdp=bytes(sdp)) if call in self._offers and call not in self._lines:
                self._offers[call][0].accept(sdp)
                self._talk(call)
            case CallAnswered(call=call, sdp=bytes(sdp)) if call not in self._lines:
                self._offers[call][0].accept(sdp)
                self._talk(call)
            case IncomingCall(call=call, sdp=bytes(sdp)) if self.answers == 200:
                self.answer(call, sdp)
            case CallEnded(call=call) | CallRejected(call=call) | CallCancelled(call=call):
                self._end(call)
        self.on_event(event)
        self._changed.set()

    def _talk(self, handle: str) -> None:
        offers, pair = self._offers[handle]
        assert offers.agreed is not None
        line = self._lines[handle] = UdpLine(pair, rtp_config(offers.agreed, HOST), "PCMU", clock=self._clock)
        line.add_listener(audio=self._on_audio, dtmf=self._on_key)
        line.start()
        self._talking[handle] = asyncio.create_task(self._hum(line))

    async def _hum(self, line: UdpLine) -> None:
        second = line.encode(tones.tones((self.hz,), 1000, level_dbfs=-20))
        while True:
            if line.queued_ticks < 8_000:
                line.play(second)
            await asyncio.sleep(0.3)

    def quiet(self, handle: str) -> UdpLine:
        """Stop the tone, as to be heard by a recogniser or to press keys at once."""
        self._talking[handle].cancel()
        self._lines[handle].clear()
        return self._lines[handle]

    def _on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> None:
        self.heard += pcm
        self.heard_ticks += len(pcm) // 2
        del self.heard[:-16_000]
        self._changed.set()

    def _on_key(self, key: str, at_tick: int) -> None:
        self.keys += key
        self._changed.set()

    def _end(self, handle: str) -> None:
        if (talking := self._talking.pop(handle, None)) is not None:
            talking.cancel()
        _, pair = self._offers.pop(handle, (None, None))
        if (line := self._lines.pop(handle, None)) is not None:
            line.close()
        elif pair is not None:
            pair.release(monotonic())

    async def when(self, condition: Callable[[], object], within_s: float = 8.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def next(self, kind: type[E], count: int = 1) -> E:
        """The event number `count` of a kind, once it is there."""
        await self.when(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def hears(self, hz: float, within_s: float = 8.0) -> None:
        """Wait until the last half second is mostly a tone of that frequency."""
        await self.when(lambda: _is_tone(bytes(self.heard[-8_000:]), hz), within_s)

    def hold(self, handle: str) -> None:
        offers, _ = self._offers[handle]
        self.do(Reinvite(handle, offers.offer("sendonly")))

    def hang_up(self, handle: str) -> None:
        self.do(Bye(handle))

    async def close(self) -> None:
        for handle in list(self._offers):
            self._end(handle)
        self._clock.close()
        self.endpoint.close()


def _is_tone(pcm: bytes, hz: float) -> bool:
    if len(pcm) < 8_000:
        return False
    spectrum = np.abs(np.fft.rfft(np.frombuffer(pcm, np.int16).astype(float) * np.hanning(len(pcm) // 2))) ** 2
    at = round(hz * (len(pcm) // 2) / 8_000)
    return bool(spectrum[at - 6 : at + 7].sum() > 0.6 * spectrum.sum() > 1e9)

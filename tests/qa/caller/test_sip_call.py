"""What a call does with session descriptions that it cannot use. The far end is an endpoint in this process."""

import asyncio
import time
from typing import cast

import pytest

from offhook.qa.caller import sip_call
from offhook.qa.caller.media import MediaLoop
from offhook.qa.caller.sip_call import SipCall
from offhook.qa.script.script import CallSettings
from offhook.sip.commands import Answer, Reinvite, Ring
from offhook.sip.events import CallConfirmed, CallEnded, Event, IncomingCall, ReinviteRejected
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.negotiate import LocalMedia, NegotiatedAudio
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.telephony.errors import LocalError
from offhook.telephony.net.ports import PortPair

HOST = "127.0.0.1"


class FarEnd:
    """Answers a call, and makes an offer of its own in it."""

    def __init__(self) -> None:
        self.offers = OfferAnswer(LocalMedia(HOST, 4_000, 1, 1), AudioCapabilities())
        self.endpoint: Endpoint | None = None
        self.rejected: list[int] = []
        self.over = asyncio.Event()

    def on_event(self, event: Event) -> None:
        assert self.endpoint is not None
        match event:
            case IncomingCall(call=call, sdp=sdp) if sdp is not None:
                self.endpoint.do(Answer(call, self.offers.answer(sdp)))
            case CallConfirmed(call=call):
                self.endpoint.do(Reinvite(call, self.offers.offer()))
            case ReinviteRejected(status=status):
                self.rejected.append(status)
            case CallEnded():
                self.over.set()


class BrokenMedia:
    """Agrees `times` times; then its encryption is missing."""

    def __init__(self, pair: PortPair, times: int) -> None:
        self._pair = pair
        self._times = times

    def agree(self, _: NegotiatedAudio) -> None:
        self._times -= 1
        if self._times < 0:
            raise LocalError("the package pylibsrtp is not installed")

    def close(self) -> None:
        self._pair.release(time.monotonic())


@pytest.mark.parametrize("times", [0, 1])
async def test_media_that_cannot_be_had_ends_the_call(times: int) -> None:
    """At the answer, and at an offer of the far end's."""
    far, ended = FarEnd(), asyncio.Event()
    far.endpoint = await Endpoint.open(HOST, 0, far.on_event)
    call = SipCall(CallSettings(), ended.set)
    try:
        await call.dial(str(far.endpoint.address), None, lambda pair: cast(MediaLoop, BrokenMedia(pair, times)))
        await asyncio.wait_for(ended.wait(), 10)
        await asyncio.wait_for(far.over.wait(), 10)
        assert (call.signalling.ended_by, far.rejected) == ("network", [488] * times)
        assert "pylibsrtp is not installed" in call.signalling.why and not call.is_up
    finally:
        call.close()
        far.endpoint.close()


async def test_a_far_end_that_sends_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """It rings again and again: the call is given up, and what is noted is limited."""
    monkeypatch.setattr(sip_call, "MAX_MESSAGES", 20)
    ringing: list[asyncio.Task[None]] = []

    def on_event(event: Event) -> None:
        if isinstance(event, IncomingCall):
            ringing.append(asyncio.create_task(ring(event.call)))

    async def ring(call: str) -> None:
        while True:
            far.do(Ring(call))
            await asyncio.sleep(0.005)

    far = await Endpoint.open(HOST, 0, on_event)
    call = SipCall(CallSettings(ring_s=30.0), lambda: None)
    try:
        await call.dial(str(far.address), None, lambda pair: cast(MediaLoop, BrokenMedia(pair, 0)))
        assert call.signalling.ended_by == "network"
        assert call.signalling.why == "it has too many messages: 20"
        assert len(call.messages) == 20
    finally:
        for each in ringing:
            each.cancel()
        call.close()
        far.close()

"""SIP calls with encrypted media: what is answered, refused and kept."""

from dataclasses import replace

import pytest

from offhook.carriers.inbound_call import InboundCall
from offhook.sip.commands import Answer, AnswerReinvite, Reject, RejectReinvite
from offhook.sip.net.flow import Transport
from tests.offhook.carriers.test_sip_media import Bench, bench, offer

__all__ = ["bench"]

KEY, OTHER_KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz", "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"


def secure(key: str = KEY) -> bytes:
    return offer("m=audio {port} RTP/SAVP 0", f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}")


def incoming(bench: Bench, sdp: bytes, srtp: str, transport: Transport) -> InboundCall:
    config = bench.services.config
    rtp = config.rtp.model_copy(update={"srtp": srtp})
    bench.services = replace(bench.services, config=config.model_copy(update={"rtp": rtp}))
    call = bench.incoming(sdp)
    call._event = replace(call._event, transport=transport)
    return call


@pytest.mark.parametrize(
    ("sdp", "srtp", "transport", "why"),
    [
        (secure(), "off", Transport.TLS, '302 offhook "audio must be RTP/AVP"'),
        (offer(), "required", Transport.TLS, '302 offhook "audio must be RTP/SAVP, with keys in a=crypto"'),
        (secure(), "required", Transport.UDP, '399 offhook "keys for media can be read over UDP: call over TLS"'),
        (secure(), "required", Transport.TCP, '399 offhook "keys for media can be read over TCP: call over TLS"'),
    ],
)
async def test_refused(bench: Bench, sdp: bytes, srtp: str, transport: Transport, why: str) -> None:
    incoming(bench, sdp, srtp, transport).accept()
    (refused,) = bench.commands
    assert isinstance(refused, Reject)
    assert (refused.status, refused.headers) == (488, (("Warning", why),))


@pytest.mark.parametrize(
    ("srtp", "transport"),
    [("required", Transport.TLS), ("preferred", Transport.TLS), ("preferred", Transport.UDP)],
)
async def test_answered_and_never_taken_back(bench: Bench, srtp: str, transport: Transport) -> None:
    call = incoming(bench, secure(), srtp, transport)
    call.accept()
    answer = await bench.until(Answer)
    assert isinstance(answer, Answer)
    assert b" RTP/SAVP 0\r\n" in answer.sdp
    assert b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer.sdp
    call.confirmed(None)
    assert call._line is not None
    assert call._line.stats().srtp == 1
    call.reinvited(offer())
    refused = bench.commands[-1]
    assert isinstance(refused, RejectReinvite)
    assert refused.status == 488
    assert call._line.stats().srtp == 1
    call.reinvited(secure(OTHER_KEY))
    assert isinstance(bench.commands[-1], AnswerReinvite)
    call.reinvited(None)
    offered = bench.commands[-1]
    assert isinstance(offered, AnswerReinvite)
    assert b" RTP/SAVP " in offered.sdp
    call.confirmed(offer())  # the answer to our offer, without keys
    assert call._line.stats().srtp == 1

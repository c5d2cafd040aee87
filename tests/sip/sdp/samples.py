"""Descriptions that several tests start from."""

from collections.abc import Sequence

from offhook.sip.errors import RemoteError
from offhook.sip.sdp.negotiate import LocalMedia, answer_offer

LOCAL = LocalMedia("192.0.2.10", 40_000, 77, 1)
LOCAL6 = LocalMedia("2001:db8::10", 40_000, 77, 1)

SESSION = ("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0")


def sdp(*media: str, session: Sequence[str] = SESSION) -> bytes:
    """A description of these session lines and these."""
    return "".join(f"{line}\r\n" for line in (*session, *media)).encode()


OFFER = sdp(
    "m=audio 4000 RTP/AVP 8 0 101",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:101 telephone-event/8000",
    "a=fmtp:101 0-16",
    "a=ptime:20",
    "a=sendrecv",
)


def refused(offer: bytes, local: LocalMedia = LOCAL) -> int:
    """The status that the offer is refused with."""
    try:
        answer_offer(offer, local)
    except RemoteError as error:
        return error.status
    raise AssertionError("was accepted")

"""The streams of a call's media, which are PJMEDIA's: when they send, from where they receive, what they have measured.

`frames` is the module of the frame port.
"""

import re
from types import ModuleType

import pjsua2 as pj

from offhook.carriers.pjsua2.figures import figures_of
from offhook.carriers.pjsua2.line import FrameStats
from offhook.carriers.pjsua2.objects import PjCall


def begun(frames: ModuleType, call: PjCall, stream: int) -> None:
    """A stream is about to begin, at that address in memory. A caller who has not sent the ACK may have named somebody
    else's address: nothing goes there yet, unless it sends something itself (`measured`)."""
    if call.is_inbound and not call.confirmed and not call.may_send and frames.set_sending(stream, False):
        call.silent = stream


def confirmed(frames: ModuleType, call: PjCall) -> None:
    """The far end is where it says that it is: by its ACK, its PRACK, or its own media."""
    call.may_send = True
    if call.silent is not None:
        frames.set_sending(call.silent, True)
        call.silent = None


def described_anew(frames: ModuleType, call: PjCall) -> None:
    """An offer or answer was taken: media may come from elsewhere."""
    if call.source.kept and call.audio is not None:
        frames.keep_to(call.getId(), call.audio, None, 0)
    call.source.described_anew()


def is_encrypted(call: PjCall, audio: int) -> bool:
    """Whether a call's media with that index is SRTP. PJSIP's figures have the description's profile alone,
    which may be RTP/AVP with keys; its state in words says what it does."""
    status = re.search(rf"^ *#{audio} [^\n]*\n *SRTP status: (Active)?", str(call.dump(True, "")), re.MULTILINE)
    return status is not None and status[1] is not None


def measured(frames: ModuleType, call: PjCall, *, ice: bool) -> FrameStats | None:
    """PJSIP's figures as they are now, None: it has none. Once a second, and more often before a stream may send; looks
    at the source as well, but with `ice`, which has proven it."""
    if call.audio is None:
        return None
    try:
        found = figures_of(call, call.audio)
        if found.packets_received:
            confirmed(frames, call)
        if not ice and not call.source.kept:
            _look(frames, call, call.audio, found.packets_received)
        return found
    except pj.Error:
        return None  # the media is gone


def _look(frames: ModuleType, call: PjCall, audio: int, packets: int) -> None:
    latest, described = call.getMedTransportInfo(audio).srcRtpName, call.getStreamInfo(audio).remoteRtpAddress
    if source := call.source.look(str(latest), str(described), packets):
        host, _, port = source.rpartition(":")
        frames.keep_to(call.getId(), audio, host.strip("[]"), int(port))

"""Ports of PJMEDIA's conference bridge, through which PJSIP's media clock and the event loop exchange frames; and what
of the messages that come PJSIP is to refuse, or never to see. But for tests of ports all of it is for PJSUA's main
thread.
"""

from collections.abc import Callable
from typing import Final, TypedDict

RING_FRAMES: Final[int]
"""Frames of 20 ms that wait in each direction, at most."""

class Counters(TypedDict):
    """What a port has done, in frames."""

    slot: int
    """In the bridge; -1: in none."""
    given: int
    """By the clock, those that were lost included."""
    taken: int
    """By the clock."""
    dry: int
    """Ticks of the clock that found nothing to play."""

class Sockets(TypedDict):
    """Those of PJSIP, in the queue that has most of them."""

    used: int
    """Those that have just ended included."""
    most: int
    """0: nobody counts them."""
    refused: int
    """Connections and calls, in the life of the process."""

def open_library(path: str, /) -> int:
    """Use the functions of PJSIP's library, which Python has loaded, once PJSUA was created; how many calls that build
    takes at once (before PJSUA is initialised: 0). Raises OSError, which says what does not fit."""

def calls() -> int:
    """How many calls PJSIP has; 0 before `open_library`. One that we have ended is among them until the far end has
    answered, or PJSIP has given up."""

def check_descriptions(path: str, judge: Callable[[bytes, bytes | None, int], int], /) -> None:
    """Have each session description judged before PJSIP uses it, once PJSUA was initialised. `judge` gets a summary of
    the message, the description as PJSIP has understood it (None: too long; empty: not valid), and where offer and
    answer stand in its dialog (a number of exchange.h); it returns the SIP status to refuse it with, 0, or -1 to have
    its message go on without it. It runs while PJSIP is polled. Raises OSError, which says what does not fit."""

def check_headers(path: str, judge: Callable[[bytes, str, bool], int], /) -> None:
    """Have header fields that PJSIP cannot cope with judged before it uses them, once PJSUA was initialised: the kinds
    are those of header_check.h. `judge` gets a summary of the message, the field's name, and whether its To has a tag;
    it returns the SIP status to refuse a request with, or to drop a response, 0, or -1 to have the message go on
    without the field. It runs while PJSIP is polled. Raises OSError, which says what does not fit."""

def end_stuck() -> None:
    """End the connections of PJSIP's whose far ends take nothing of what it sends, at the third call in a row; once a
    second."""

def given() -> int:
    """Frames that the clock has given to any port, ever: another number means that it has ticked."""

def has_room() -> bool:
    """Whether PJSIP has sockets for another call: its RTP's and RTCP's."""

def keep_to(call: int, media: int, host: str | None, port: int, /) -> bool:
    """Have the RTP socket of a call's media receive from that address alone; None: from everybody again. Whether that
    is done. Raises OSError before `open_library`, ValueError for what is no address."""

def look_at_messages(path: str, taker: Callable[[bytes, str, object | None], int], /) -> None:
    """Have messages looked at before PJSIP has them, once PJSUA was initialised: requests, but those that begin or end
    something, unless they have a Replaces or there are no sockets for a call, and 401 and 407. `taker` gets the message
    as it came, where it came from (HOST:PORT, "": not known), and for a request what `respond` answers; it returns 0,
    or 1 to take a request from PJSIP, or 2 to remove the Replaces of an INVITE, or to make a challenge a 403. It runs
    while PJSIP is polled. From then on a 502 to an UPDATE, and in a call a 422 without Min-SE, are read as 500, and
    requests of calls that are not there, or have another Call-ID, get 481. Raises OSError, which says what does not
    fit."""

def look_up_names(path: str, asker: Callable[[bytes, int, str, object], None], /) -> None:
    """Have the names that PJSIP sends to looked up by `asker`, once PJSUA was initialised. It gets the name, the port
    (0: none is given), the transport (UDP, TCP, TLS, "": another one), and what `name_found` has to answer; it runs
    while PJSIP works, and must not block. Raises OSError, which says what does not fit."""

def name_found(lookup: object, address: str | None, port: int, /) -> None:
    """What was asked for is at that numeric address; None: there is none. What waits in PJSIP goes on from within.
    Nothing happens the second time, or once PJSUA is destroyed."""

def open_namesakes(path: str, /) -> None:
    """Have PJSIP's sockets counted, and refused where its build has no room for them, and its offers, answers and ICE
    kept from what would end its process, before its library is used. That has to have been loaded after this module was
    made global (`dlopen` with RTLD_GLOBAL): `sockets` says whether it was. Raises OSError, which says what does not
    fit."""

def refresh(call_id: bytes, local_tag: bytes, remote_tag: bytes, /) -> bool:
    """Send a re-INVITE that offers what is valid anyway, in the call of that dialog, once `check_descriptions` was
    called. Whether it is sent: not while another INVITE or offer is in progress, nor in a call that is over. What
    PJSIP reports comes from within. Raises ValueError for a NUL."""

def respond(request: object, status: int, reason: str | None, headers: tuple[tuple[str, str], ...], /) -> bool:
    """Answer a request that was taken. Whether that is done: not once PJSUA is destroyed. Raises ValueError for more
    than 16 headers."""

def set_sending(stream: int, sends: bool, /) -> bool:
    """Whether a stream of PJMEDIA, by its address, sends RTP: else it only receives. Whether that is done. Raises
    OSError before `open_library`."""

def sockets() -> Sockets:
    """PJSIP's, as they are now."""

def transport_peer(path: str, transport: int, /) -> str:
    """The host that a connection over TLS was opened to, as PJSIP was asked for it; "": the far end has opened it.
    `transport` is PJSIP's `TransportHandle`. Raises OSError, which says what does not fit."""

class FramePort:
    """20 ms of 16-bit mono PCM at a time, each way. Its methods belong to one thread, PJSUA's main one. After `close`
    all others raise ValueError. `joins` False: in no bridge, for tests. Raises OSError."""

    def __init__(self, rate_hz: int, joins: bool = True, /) -> None: ...
    def connect(self, slot: int, /) -> bool:
        """Both ways with another port of the bridge; whether that is done."""

    def disconnect(self, slot: int, /) -> bool:
        """Undo it."""

    def write(self, pcm: bytes, /) -> int:
        """Append whole frames to what is played; how many there was room for."""

    def clear(self) -> int:
        """Drop what the clock has not taken; how many frames."""

    def waiting(self) -> int:
        """Frames that the clock has not taken."""

    def taken(self) -> tuple[int, float]:
        """Frames that the clock has taken, and when it took the last one (monotonic seconds)."""

    def read(self) -> tuple[int, bytes, float] | None:
        """The next frame that came: how many came before it, lost ones included; the PCM; and when it came."""

    def counters(self) -> Counters:
        """What it has done."""

    def take(self) -> bytes | None:
        """Tests: as the clock takes a frame; None: silence."""

    def give(self, pcm: bytes | None, /) -> None:
        """Tests: as the clock gives a frame; None: silence."""

    def close(self) -> None:
        """Leave the bridge. Idempotent."""

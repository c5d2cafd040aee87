"""The media pump: a thread that receives and sends RTP without the interpreter, and what it works on."""

from typing import Any, Final, TypedDict

LATE_BOUNDS_MS: Final[tuple[float, ...]]
"""Upper bounds of the histograms' buckets but the last."""

class Counters(TypedDict):
    """What the thread has done; the histograms' last bucket has no bound."""

    streams: int
    scheduled: int
    """Streams with a send timer, however far away."""
    armed: int
    """Streams received by the thread."""
    wakeups: int
    ticks: int
    skipped: int
    datagrams: int
    raw: int
    """Datagrams handed to Python."""
    handed_back: int
    """Inbound directions handed back to Python."""
    lost_records: int
    """Dropped for lack of memory."""
    paused: int
    """Times a socket was not read because Python was behind."""
    underruns: int
    stalls: int
    collected: int
    late_ms_max: float
    lag_ms_max: float
    late: list[int]
    lag: list[int]
    nice: bool
    scheduling: str
    """`real-time`, `short slices` or `ordinary`: what the kernel granted."""

def may_hold_key(pcm: bytes, least_power: float, least_share: float, /) -> bool:
    """Whether two DTMF frequencies have that share of the energy in 10 ms with that power per sample, or more."""

def decode(payload: bytes, a_law: bool, /) -> bytes:
    """G.711 bytes to 16-bit little-endian PCM."""

class Pump:
    """The thread and its streams. Its methods belong to one thread, the event loop's."""

    def fileno(self) -> int:
        """An eventfd, readable while there is something to collect."""

    def start(self) -> None:
        """Start the thread, once. Raises OSError."""

    def add(
        self,
        fd: int,
        limits: tuple[int, int, float, float, float, float, float],
        frame_ticks: int = 0,
        loud_peak: int = 0,
        /,
    ) -> Stream:
        """A stream on a bound UDP socket, which stays the caller's; -1 for none, for tests.

        With `frame_ticks` (up to 512), packets of audio that end before a multiple of it are collected together with
        the next one. Audio with a peak of `loud_peak` or more (16-bit PCM) is notified without delay.

        `limits` are datagram_octets, packets_per_s, gap_wait_min_ms, gap_wait_max_ms, overdue_wait_min_ms, lead_ms and
        spike_hold_kept_s of RtpLimits. Raises OSError.
        """

    def collect(self) -> list[tuple[int, int, int, float, object]]:
        """What has happened since, of each stream in order: (handle, kind, number, time, data).

        0, audio: first tick, arrival, PCM. 1, sent: ticks sent before, time, bytes of the queue. 2, drained:
        ticks sent, 0.0, None. 3, a datagram that is not plain: 0, arrival, (bytes, (host, port)). 4, nothing came
        for too long: 0, time, None. 5, without a socket: 0, 0.0, the packet that would have been sent.
        """

    def counters(self) -> Counters:
        """What the thread has done."""

    def close(self) -> None:
        """End the thread; streams stay as they are. Idempotent."""

class Stream:
    """One call's media. After `close` every method raises ValueError."""

    handle: Final[int]

    def open_by(self, function: int, context: int, /) -> None:
        """Decrypt what is received by one of libsrtp's functions and its context, which have to outlive the stream, or
        the next call; 0, 0: not at all. Only while it is not armed."""

    def seal_by(self, function: int, context: int, /) -> None:
        """Encrypt what is sent; as `open_by`. Only while nothing is lent."""

    def arm(self, state: object, a_law: bool, source: tuple[str, int], /) -> bool:
        """Receive from `source` while it is plain, beginning with what waits to be collected.

        `state` has the fields of a ReceiveState.

        False if that is not plain: it has to be collected first. ValueError for a position below zero; AttributeError,
        TypeError or OverflowError for a field that is missing or does not fit.
        """

    def disarm(self) -> dict[str, Any]:
        """The fields of the ReceiveState back; from now on every datagram is handed to Python."""

    def receiving(self) -> dict[str, Any]:
        """The fields of the ReceiveState reached."""

    def read(self) -> None:
        """Receive what waits in the socket now."""

    def lend(self, state: object, queued: bytes, /) -> None:
        """Send by `state`, which has the fields of a SendState.

        Raises as `arm`; ValueError for a packet of no or too much time.
        """

    def take(self) -> tuple[dict[str, Any], bytes]:
        """The fields of the SendState, and the queue back; nothing is sent from now on."""

    def sending(self) -> dict[str, Any]:
        """The fields of the SendState reached."""

    def set_target(self, host: str | None, port: int, /) -> None:
        """Where packets go; None for nowhere. ValueError for a host that is no numeric address."""

    def play(self, payload: bytes, /) -> None:
        """Append to the queue of a lent stream."""

    def clear(self) -> tuple[int, int]:
        """Empty the queue: (ticks dropped, ticks sent in all)."""

    def errors(self) -> tuple[int, int]:
        """Packets that failed to (send, receive)."""

    def receive(self, data: bytes, source: tuple[str, int], now: float, /) -> None:
        """Tests, without a socket (else ValueError): a datagram came."""

    def check(self, now: float, /) -> bool:
        """Tests, likewise: the timer of `overdue`; whether it was time, the stream then is disarmed."""

    def overdue(self) -> float:
        """Tests: when silence will be inserted."""

    def tick(self, now: float, /) -> None:
        """Tests, likewise: a packet time has come."""

    def close(self) -> None:
        """Detach from the socket. Idempotent."""

class Upsampler:
    """8 kHz to 16 kHz; `taps` are 28 doubles."""

    def __init__(self, taps: bytes, /) -> None: ...
    def push(self, pcm: bytes, /) -> bytes:
        """8 kHz PCM to 16 kHz PCM. ValueError if the samples are not whole."""

    def reset(self) -> None:
        """As if nothing had been pushed."""

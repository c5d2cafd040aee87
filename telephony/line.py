"""The line: what a conversation needs of a phone call, whatever carries it."""

from typing import Protocol, runtime_checkable

from offhook.telephony.listeners import AudioHandler, DtmfHandler, Handler, SentHandler, TextHandler


class MediaLine(Protocol):
    """Audio and digits of one call, both ways.

    Audio is mono. Inbound it is 16-bit little-endian PCM at `rate_hz`; outbound it is payload already in the line's
    `encoding`, so that prompts can be cached ready to play. Positions and lengths count
    ticks of 1/8000 s whatever the rate: a wideband line has two samples of PCM to a tick.

    Handlers run on the event loop's thread and must return at once.
    """

    encoding: str
    """"PCMU", "PCMA", or "LINEAR16" on a wideband line."""

    rate_hz: int
    """8000, or 16000 on a wideband line; it never changes."""

    bytes_per_tick: int
    """Bytes of payload a tick: 1 with G.711, 4 with linear PCM on a wideband line."""

    def add_listener(
        self,
        *,
        audio: AudioHandler | None = None,
        dtmf: DtmfHandler | None = None,
        sent: SentHandler | None = None,
        drained: Handler | None = None,
        silent: Handler | None = None,
        text: TextHandler | None = None,
    ) -> Handler:
        """Call these when something happens. Returns a function that removes them. Several listeners may be added,
        at any time; `close` removes them all.

        `drained`: the last queued sample has been sent. `silent`: nothing has arrived for the line's media time-out;
        once, and again only after media came back. `text`: a typed line; only some streams carry any.
        """

    def start(self) -> None:
        """Begin to receive, and to send what is queued."""

    def encode(self, pcm: bytes) -> bytes:
        """16-bit PCM at `rate_hz` to payload."""

    def play(self, payload: bytes) -> None:
        """Append to the playout queue. The first packet of a talk spurt leaves within a few milliseconds."""

    def clear(self) -> int:
        """Drop all that has not been sent; none of it is sent any more. Returns the ticks dropped."""

    @property
    def queued_ticks(self) -> int:
        """Ticks of `play`ed audio neither sent nor dropped."""

    @property
    def sent_ticks(self) -> int:
        """Ticks of `play`ed audio sent since `start`."""

    def played_ticks(self) -> int:
        """How many of `sent_ticks` have reached the far end by now: sent minus still in flight."""

    def send_dtmf(self, digits: str) -> None:
        """Send DTMF after what is queued. Raises ValueError for anything but 0-9 * # A-D."""

    def close(self) -> None:
        """Stop, free the ports. Idempotent."""


@runtime_checkable
class Shieldable(Protocol):
    """A line that can keep what comes from its far end to itself."""

    def shield(self, keys: DtmfHandler | None) -> None:
        """From now on the line's listeners, those that are added later too, get silence for the far end's audio, of
        the same length and at the same positions, and neither keys nor typed lines: `keys` alone gets keys. None: no
        longer."""

"""The line: what a conversation needs of a phone call, whatever carries it."""

from typing import Protocol

from offhook.telephony.listeners import AudioHandler, DtmfHandler, Handler, SentHandler


class MediaLine(Protocol):
    """Audio and digits of one call, both ways.

    Audio is mono. Towards us it is 16-bit little-endian PCM at `rate_hz`; from us it is payload already in the line's
    `encoding`, so that prompts can be cached ready to play. Positions and lengths, which are called samples, count
    ticks of 1/8000 s whatever the rate: on a wide line there are two samples of PCM to each.

    Handlers run on the event loop's thread and must return at once.
    """

    encoding: str
    """"PCMU", "PCMA", or on a wide line "LINEAR16"."""

    rate_hz: int
    """8000, or 16000 on a wide line; it stays."""

    tick_octets: int
    """Bytes of payload a tick: 1 with G.711, 4 of linear PCM on a wide line."""

    def add_listener(
        self,
        *,
        audio: AudioHandler | None = None,
        dtmf: DtmfHandler | None = None,
        sent: SentHandler | None = None,
        drained: Handler | None = None,
        silent: Handler | None = None,
    ) -> Handler:
        """Call these when something happens; returns what takes them away again. There may be several listeners, added
        at any time. `close` takes all of them away.

        `drained`: the last queued sample has been sent. `silent`: nothing has arrived for the line's media time-out;
        once, and again only after media came back.
        """

    def start(self) -> None:
        """Begin to receive, and to send what is queued."""

    def encode(self, pcm: bytes) -> bytes:
        """16-bit PCM at `rate_hz` to payload."""

    def play(self, payload: bytes) -> None:
        """Append to what is being said. The first packet of a talk spurt leaves within a few milliseconds."""

    def clear(self) -> int:
        """Drop all that has not been sent; nothing of it leaves any more. Returns the samples dropped."""

    @property
    def queued_ticks(self) -> int:
        """Samples that were `play`ed and neither sent nor dropped."""

    @property
    def sent_ticks(self) -> int:
        """Samples of `play`ed audio sent since `start`."""

    def played_ticks(self) -> int:
        """Of `sent_ticks`, those that have reached the far end by now: sent less what is still in flight."""

    def send_dtmf(self, digits: str) -> None:
        """Send key presses after what is queued. Raises ValueError for anything but 0-9 * # A-D."""

    def close(self) -> None:
        """Stop, free the ports. Idempotent."""

"""Timeouts and sizes of connections to vendors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Of the connections to one vendor; each vendor's file sets what its vendor asks for."""

    connect_s: float = 3.0
    """Until a connection is open."""
    write_s: float = 1.0
    """For a message to be taken by the network: a peer that stops reading has failed."""
    ping_s: float = 5.0
    """Interval of the WebSocket's pings, and the time for their answer: a dead connection is noticed after two."""
    close_s: float = 1.0
    """For the vendor to close when asked to."""
    keep_alive_s: float = 4.0
    """Interval of keep-alives on a connection that nobody uses."""
    spare: int = 1
    """Connections that are open before they are needed."""
    idle_s: float = 30.0
    """An unused connection beyond the spare ones is closed after this time."""
    unused_s: float = 3_000.0
    """An unused connection without a keep-alive is renewed after this time."""
    max_age_s: float = 3_000.0
    """No turn begins on a connection older than this: it is renewed before the vendor's own limit."""
    max_queued_bytes: int = 960_000
    """Waiting to be sent: a minute at 16 kHz. More fails the connection."""
    max_message_bytes: int = 4_000_000
    """Of a message from the vendor."""
    retry_min_s: float = 0.25
    retry_max_s: float = 15.0
    """Delay before a spare connection is tried again, doubled after each failure. A call never waits for it."""

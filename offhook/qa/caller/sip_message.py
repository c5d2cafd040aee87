"""A SIP message of a call, as the caller's socket had it."""

from dataclasses import dataclass

from offhook.sip.net.flow import Flow


@dataclass(frozen=True, slots=True)
class SipMessage:
    """A message of the call: when, whether it was received, its bytes, and the way that it took."""

    at_s: float
    received: bool
    data: bytes
    flow: Flow

    @property
    def text(self) -> str:
        """What it says."""
        return self.data.decode("utf-8", "replace")

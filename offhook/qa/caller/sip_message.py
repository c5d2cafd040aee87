"""A SIP message of a call, as the caller's socket had it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from offhook.ladder.kept import Bounds, KeptMessages
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


def kept_messages(messages: Iterable[SipMessage], call_id: str, wall_s: float) -> KeptMessages:
    """A call's messages, for a ladder. `wall_s` is Unix time less the monotonic clock."""
    kept = KeptMessages(call_id, Bounds())
    for each in messages:
        kept.add(wall_s + each.at_s, each.data, each.flow, each.received)
    return kept

"""Who gets no answer at all: senders that nobody knows, where the bot hides from them. Pure."""

from collections.abc import Callable

from offhook.sip.message.message import Request
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address

ASKED_FOR_A_PASSWORD = ("INVITE", "REGISTER")


class Silence:
    """Decides by a sender's address; `knows` says which are known, at a time.

    With a `domain`, who calls us by it is asked for a password wherever they are: a scanner, which goes through all
    addresses, does not know it. None: nobody is asked.
    """

    def __init__(self, knows: Callable[[Address, float], bool], domain: str | None) -> None:
        self._knows = knows
        self._domain = None if domain is None else domain.lower()

    def covers(self, source: Address, now: float) -> bool:
        """Whether that sender gets nothing, whatever it sends outside of calls."""
        return not self._knows(source, now)

    def covers_request(self, request: Request, source: Address, now: float) -> bool:
        """Whether that request gets nothing. Raises ParseError."""
        if not self.covers(source, now):
            return False
        if self._domain is None or request.method not in ASKED_FOR_A_PASSWORD:
            return True
        return Uri.parse(request.uri).host.lower().rstrip(".") != self._domain

"""How often an address may be wrong about a password or a token."""

from collections import OrderedDict
from collections.abc import Callable

MAX_WRONG = 10
WRONG_FOR_S = 60.0
MAX_REMEMBERED_PEERS = 1_000


class WrongGuesses:
    """Counts them by address: those of the sockets, as an attacker chooses `X-Forwarded-For`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._peers: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how often, since when

    def too_many(self, peer: str) -> bool:
        """Whether the address has to wait."""
        times, since = self._peers.get(peer, (0, 0.0))
        return times >= MAX_WRONG and self._now() - since < WRONG_FOR_S

    def note(self, peer: str) -> None:
        """It was wrong."""
        times, since = self._peers.pop(peer, (0, 0.0))
        now = self._now()
        self._peers[peer] = (times + 1, since) if times and now - since < WRONG_FOR_S else (1, now)
        if len(self._peers) > MAX_REMEMBERED_PEERS:
            self._peers.popitem(last=False)

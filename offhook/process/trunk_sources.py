"""Which calls are a trunk's: by the address that they come from. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from offhook.settings.routes import dialled_number
from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.address import Address, numeric

Network = IPv4Network | IPv6Network


class TrunkSources:
    """The trunks' addresses, and how many calls each has."""

    def __init__(self, trunks: Mapping[str, TrunkConfig]) -> None:
        self._trunks = trunks
        self._listed = {name: _networks(trunk.addresses) for name, trunk in trunks.items()}
        self._found: dict[str, tuple[Network, ...]] = {}
        self._calls: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def resolved(self, name: str, addresses: Iterable[Address]) -> None:
        """The trunk's host has these addresses now."""
        self._found[name] = _networks(each.host for each in addresses)

    @property
    def networks(self) -> list[str]:
        """All that calls of trunks come from."""
        return [str(each) for part in (self._listed, self._found) for networks in part.values() for each in networks]

    def of(self, source: Address, request_uri: str) -> str:
        """The trunk of a call; empty for one that came by none.

        Of several trunks with that address it is the one whose calls have this user in their Request-URI.
        """
        number = numeric(source.host)
        near = [
            name
            for name in self._trunks
            if number is not None and any(number in each for each in (*self._listed[name], *self._found.get(name, ())))
        ]
        called = dialled_number(request_uri)
        return next((name for name in near if self._trunks[name].our_user == called), near[0] if near else "")

    def full(self, name: str) -> bool:
        """Whether the trunk has as many calls as it may."""
        most = self._trunks[name].calls_at_once if name else 0
        return 0 < most <= self._counts[name]

    def taken(self, call: str, name: str) -> None:
        """A call of the trunk was taken."""
        if name:
            self._calls[call] = name
            self._counts[name] += 1

    def released(self, call: str) -> None:
        """A call is over; nothing happens for one that was not `taken`."""
        if (name := self._calls.pop(call, None)) is not None:
            self._counts[name] -= 1

    def calls(self, name: str) -> int:
        """How many calls the trunk has."""
        return self._counts[name]


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(each, strict=False) for each in texts)

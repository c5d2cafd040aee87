"""Which calls are a trunk's, by the address that they come from; and how many it may have, in both directions. Pure."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from offhook.observe.refusals import Reason, Refusal
from offhook.settings.routes import dialled_number
from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.address import Address, numeric

Network = IPv4Network | IPv6Network


class TrunkSources:
    """The trunks' addresses, and how many calls each has."""

    def __init__(self, trunks: Mapping[str, TrunkConfig]) -> None:
        self._trunks = trunks
        self._listed = {name: _networks(_listed(trunk)) for name, trunk in trunks.items()}
        self._found: dict[str, tuple[Network, ...]] = {}
        self._calls: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._begun: dict[str, deque[float]] = {name: deque() for name in trunks}

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

    def refusal(self, name: str, now: float) -> Refusal | None:
        """Why the trunk may have no new call now; None: it may, or the call is none of a trunk."""
        if not name:
            return None
        trunk = self._trunks[name]
        if 0 < trunk.calls_at_once <= self._counts[name]:
            return Refusal(Reason.TRUNK, f"the trunk {name} has all {trunk.calls_at_once} calls that it may have")
        most, window_s = _rate(trunk.calls_per_second)
        begun = self._begun[name]
        while begun and begun[0] <= now - window_s:
            begun.popleft()
        if most and len(begun) >= most:
            return Refusal(Reason.SETUPS, f"the trunk {name} may have {trunk.calls_per_second:g} new calls a second")
        return None

    def taken(self, call: str, name: str, now: float) -> None:
        """A call of the trunk was taken, or placed."""
        if name:
            self._calls[call] = name
            self._counts[name] += 1
            if self._trunks[name].calls_per_second:
                self._begun[name].append(now)

    def released(self, call: str) -> None:
        """A call is over; nothing happens for one that was not `taken`."""
        if (name := self._calls.pop(call, None)) is not None:
            self._counts[name] -= 1

    def calls(self, name: str) -> int:
        """How many calls the trunk has."""
        return self._counts[name]


def _rate(per_s: float) -> tuple[int, float]:
    """So many calls within so many seconds; (0, 0): as many as there are."""
    if not per_s:
        return 0, 0.0
    return (int(per_s), 1.0) if per_s >= 1 else (1, 1 / per_s)


def _listed(trunk: TrunkConfig) -> Iterable[str]:
    """What the settings name; a host that is a number is known before anything is looked up."""
    number = numeric(trunk.next_hop[0])
    return (*trunk.addresses, str(number)) if number is not None else trunk.addresses


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(ip_network(each, strict=False) for each in texts)

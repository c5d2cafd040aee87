"""Fair shares of the bot for the sources of calls, at virtual time."""

import random
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from offhook.process.fair_division import Rank, SharingGroup
from offhook.process.source_shares import (
    KNOWN_S,
    MAX_HOSTS,
    MAX_PORTS,
    MAX_STRANGERS_UNCONFIRMED,
    MOST_KNOWN,
    STRANGER_OF_STRANGERS,
    Capacity,
    SourceShares,
)
from offhook.sip.net.address import Address

TRUNK, OTHER, ATTACKER = Address("192.0.2.10", 5060), Address("192.0.2.11", 5060), Address("198.51.100.66", 5060)
SETUPS_PER_S = 100
ROOMY = Capacity(SETUPS_PER_S, places=10_000, cpu_room=10_000)


class Site:
    """Sources that call at regular intervals, and a bot that takes as many as its workers may be given."""

    def __init__(self, shares: SourceShares, *, acknowledges: Callable[[Address], bool] = lambda _: True) -> None:
        self.shares = shares
        self.now = 1_000.0
        self.given: Counter[Address] = Counter()
        self.refused: Counter[Address] = Counter()
        self._acknowledges = acknowledges
        self._recent: list[float] = []
        self._calls = 0

    def call(self, source: Address) -> str | None:
        """The handle of the call; None when it is refused."""
        self._recent = [at for at in self._recent if at > self.now - 1.0]
        refusal = self.shares.refusal(source, ROOMY, self.now)
        if refusal is not None or len(self._recent) >= SETUPS_PER_S:
            self.refused[source] += 1
            return None
        self._calls += 1
        handle = str(self._calls)
        self.shares.accepted(handle, source, self.now)
        self.given[source] += 1
        self._recent.append(self.now)
        if self._acknowledges(source):
            self.shares.confirmed(handle, self.now)
            self.shares.released(handle)
        return handle

    def run(self, seconds: float, sources: Callable[[], Iterator[tuple[float, Address]]]) -> None:
        """Calls in the order of time: (calls a second, source)."""
        end = self.now + seconds
        due = [(self.now + random.random() / rate, 1 / rate, source) for rate, source in sources()]
        while (first := min(due))[0] < end:
            at, every_s, source = first
            due[due.index(first)] = (at + every_s, every_s, source)
            self.now = at
            self.call(source)
        self.now = end


def forged() -> Address:
    return Address(f"203.0.{random.randrange(256)}.{random.randrange(256)}", random.randrange(1_024, 65_536))


@pytest.mark.parametrize("rate", [50, 300])
def test_a_source_that_is_alone_may_use_everything(rate: int) -> None:
    site = Site(SourceShares())
    site.run(10, lambda: iter([(rate, TRUNK)]))
    assert site.given[TRUNK] >= 10 * min(rate, SETUPS_PER_S) - 2


def test_while_everything_fits_nobody_is_limited() -> None:
    site = Site(SourceShares())
    site.run(20, lambda: iter([(70, TRUNK), (15, OTHER)]))
    assert not site.refused


@pytest.mark.parametrize("acknowledged", [True, False])
@pytest.mark.parametrize("flood_per_s", [120, 2_000])
def test_a_flood_does_not_keep_others_out(flood_per_s: int, acknowledged: bool) -> None:
    """Whether it confirms its calls or not."""
    site = Site(SourceShares(), acknowledges=lambda source: acknowledged or source != ATTACKER)
    site.call(TRUNK)
    site.call(OTHER)
    # Within the first second of a flood that confirms its calls there is no telling it from a busy trunk.
    site.run(1, lambda: iter([(flood_per_s, ATTACKER), (10, TRUNK), (20, OTHER)]))
    assert acknowledged or not site.refused[TRUNK] + site.refused[OTHER]
    site.refused.clear()
    site.run(20, lambda: iter([(flood_per_s, ATTACKER), (10, TRUNK), (20, OTHER)]))
    assert site.refused[TRUNK] + site.refused[OTHER] <= 0.03 * 20 * 30
    if acknowledged:
        assert site.given[ATTACKER] >= 20 * 50, "the rest is the flood's: nobody else wants it"
    else:
        assert site.given[ATTACKER] <= SETUPS_PER_S, "as many as may wait for their ACK"


def test_two_that_want_more_than_there_is_get_half_each() -> None:
    site = Site(SourceShares())
    site.run(20, lambda: iter([(200, TRUNK), (900, OTHER)]))
    assert site.given[TRUNK] == pytest.approx(20 * 45, rel=0.1)
    assert site.given[OTHER] == pytest.approx(20 * 45, rel=0.1)


@pytest.mark.parametrize(("places", "let_in"), [(1, 1), (2, 1), (3, 2), (4, 2), (8, 2)])
def test_one_stranger_who_acknowledges_nothing_leaves_the_others_a_place(places: int, let_in: int) -> None:
    shares, held = SourceShares(), 0
    for n in range(places):
        source = Address(f"198.51.100.{n + 1}", 5060)
        for _ in range(2):  # the second one of each is refused, or there are none left for strangers
            if shares.refusal(source, Capacity(SETUPS_PER_S, places - held, 100), 1.0) is None:
                held += 1
                shares.accepted(str(held), source, 1.0)
    assert held == let_in
    assert shares.dump(1.0)["calls_by_source"] == {f"198.51.100.{n + 1}": 1 for n in range(let_in)}


def test_ports_of_one_host_share_what_the_host_has() -> None:
    """Phones behind one NAT, of which one has gone mad."""
    phone, mad = Address("192.0.2.77", 40_001), Address("192.0.2.77", 40_002)
    site = Site(SourceShares())
    site.call(phone)
    site.run(1, lambda: iter([(2_000, mad), (8, phone)]))
    site.refused.clear()
    site.run(20, lambda: iter([(2_000, mad), (8, phone)]))
    assert site.refused[phone] <= 2


def test_a_flood_from_a_host_leaves_its_other_ports_a_call_each() -> None:
    """Also to a port that never called before."""
    site = Site(SourceShares(), acknowledges=lambda source: source.port != ATTACKER.port)
    site.run(10, lambda: iter([(2_000, ATTACKER)]))
    for n in range(100):
        site.now += 0.2
        assert site.call(Address(ATTACKER.host, 20_000 + n)) is not None


def test_with_few_places_strangers_leave_most_of_them() -> None:
    shares, held = SourceShares(), 0
    for n in range(100):
        if shares.refusal(ATTACKER, Capacity(SETUPS_PER_S, 40 - held, 100), n / 10) is None:
            shares.accepted(str(n), ATTACKER, n / 10)
            held += 1
    assert held == 5
    assert shares.refusal(OTHER, Capacity(SETUPS_PER_S, 40 - held, 100), 10.0) is None


def test_forged_sources_do_not_keep_a_known_one_out() -> None:
    shares = SourceShares()
    site = Site(shares, acknowledges=lambda source: source == TRUNK)
    site.call(TRUNK)
    for n in range(10_000):
        site.now += 1 / 2_000
        site.call(forged())
        if n % 100 == 0:
            assert site.call(TRUNK) is not None
    # Those that hold calls are not forgotten, and strangers may hold only so many.
    assert shares.dump(site.now)["sources"] <= MAX_HOSTS + MAX_STRANGERS_UNCONFIRMED  # type: ignore[operator]


@pytest.mark.parametrize("peers", [(), ("192.0.2.10",)])
def test_a_caller_with_another_port_for_each_call_does_not_fill_the_memory(peers: tuple[str, ...]) -> None:
    site = Site(SourceShares(peers))
    held = Address(TRUNK.host, 9)
    site.shares.accepted("held", held, site.now)
    for port in range(10_000, 10_000 + 2 * MOST_KNOWN * MAX_PORTS):
        assert site.call(Address(TRUNK.host, port)) is not None
        site.now += 0.1
    assert site.shares.dump(site.now)["ports"] == MOST_KNOWN * MAX_PORTS
    site.shares.released("held")  # its port was not forgotten


def test_forged_sources_do_not_keep_a_new_phone_at_a_known_host_out() -> None:
    shares = SourceShares()
    site = Site(shares, acknowledges=lambda source: source.host == TRUNK.host)
    site.call(TRUNK)
    for n in range(10_000):
        site.now += 1 / 2_000
        site.call(forged())
        if n % 100 == 99:
            assert site.call(Address(TRUNK.host, 20_000 + n)) is not None
    assert shares.dump(site.now)["unconfirmed_strangers"] == MAX_STRANGERS_UNCONFIRMED


def test_configured_peers_go_before_known_sources() -> None:
    site = Site(SourceShares(["192.0.2.8/29"]))
    site.run(20, lambda: iter([(75, TRUNK), (500, ATTACKER)]))
    assert site.refused[TRUNK] <= 75


def test_strangers_keep_a_tenth() -> None:
    site = Site(SourceShares(), acknowledges=lambda source: source == TRUNK)
    site.call(TRUNK)
    site.run(1, lambda: iter([(500, TRUNK), (5, OTHER)]))
    site.refused.clear()
    site.run(5, lambda: iter([(500, TRUNK), (5, OTHER)]))
    assert site.refused[OTHER] <= 2


def test_one_source_leaves_places_to_others_once_they_have_called() -> None:
    shares = SourceShares(held_share=0.9)
    held = 0

    def more(places: int) -> bool:
        nonlocal held
        if shares.refusal(ATTACKER, Capacity(10_000, places - held, 10_000), float(held)) is not None:
            return False
        shares.accepted(f"a{held}", ATTACKER, float(held))
        shares.confirmed(f"a{held}", float(held))
        held += 1
        return True

    while more(200):
        assert held <= 200
        if held == 200:
            break
    assert held == 200, "alone it may have all"
    for n in range(100):
        shares.released(f"a{n}")
    held = 100
    shares.accepted("t", TRUNK, 200.0)
    shares.confirmed("t", 200.0)
    count = 0
    while shares.refusal(ATTACKER, Capacity(10_000, 99 - count, 10_000), 300.0) is None:
        shares.accepted(f"b{count}", ATTACKER, 300.0)
        shares.confirmed(f"b{count}", 300.0)
        count += 1
    assert 100 + count == pytest.approx(0.9 * 199, abs=2)
    assert shares.refusal(TRUNK, Capacity(10_000, 99 - count, 10_000), 300.0) is None
    assert shares.refusal(ATTACKER, Capacity(10_000, 99 - count, 10_000), 200.0 + KNOWN_S) is None, "alone again"
    assert shares.refusal(ATTACKER, Capacity(10_000, 99 - count, 10_000), 199.0 + KNOWN_S) is not None


def test_what_exceeds_its_share_is_not_even_read() -> None:
    shares = SourceShares()
    read = Counter[Address]()
    for n in range(20_000):
        now = n / 2_000
        read[ATTACKER] += shares.read(ATTACKER, now)
        if n % 40 == 0:
            assert shares.read(TRUNK, now)
    assert 10 * 500 <= read[ATTACKER] <= 11 * 500


def test_of_forged_sources_no_more_is_read_than_of_two() -> None:
    shares = SourceShares()
    shares.accepted("t", TRUNK, 0.0)
    shares.confirmed("t", 0.0)
    read = 0
    for n in range(50_000):
        read += shares.read(forged(), n / 5_000)
        if n % 50 == 0:
            assert shares.read(TRUNK, n / 5_000)
    assert read <= 11 * 1_000


def test_an_ipv6_site_is_one_source() -> None:
    site = Site(SourceShares(), acknowledges=lambda _: False)
    for n in range(1_000):
        site.now += 0.01
        site.call(Address(f"2001:db8:1:2::{n:x}", 5060))
    assert site.given.total() == STRANGER_OF_STRANGERS * MAX_STRANGERS_UNCONFIRMED


def test_a_division_is_fair_and_complete() -> None:
    group = SharingGroup()
    group.divide(100, [(Rank.KNOWN, 10.0), (Rank.KNOWN, 500.0), (Rank.KNOWN, 60.0)])
    assert group.shares[Rank.KNOWN] == (45.0, 105.0)
    group.divide(100, [(Rank.PEER, 30.0), (Rank.KNOWN, 500.0), (Rank.STRANGER, 4.0), (Rank.STRANGER, 400.0)])
    assert group.shares[Rank.PEER] == (90.0, 94.5)
    assert group.shares[Rank.KNOWN] == (60.0, 63.0)
    assert group.shares[Rank.STRANGER] == (6.0, 10.5)
    group.divide(100, [(Rank.KNOWN, 50.0), (Rank.STRANGER, 50.0)])
    assert group.shares == {}


def test_peers_may_change_while_their_calls_go_on() -> None:
    shares = SourceShares()
    shares.accepted("1", TRUNK, 1.0)
    shares.accepted("2", Address("2001:db8::1", 5060), 1.0)
    assert not shares.is_peer(TRUNK)
    shares.set_peers([TRUNK.host, "2001:db8::1"])
    assert shares.is_peer(TRUNK)
    assert shares.is_peer(Address("2001:db8::1", 7))
    assert shares.dump(1.0)["known"] == 2
    shares.set_peers([])
    assert shares.dump(1.0)["known"] == 0
    shares.released("1")
    shares.released("2")

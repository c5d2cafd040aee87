"""Whose calls are whose, and how many."""

import pytest

from offhook.observe.refusals import Reason
from offhook.process.trunk_sources import TrunkSources
from offhook.settings.trunks import TrunkConfig
from offhook.sip.net.address import Address

OFFICE = TrunkConfig(host="pbx.example.com", user="100")
SALES = TrunkConfig(host="pbx.example.com", user="200", calls_at_once=2)
PROVIDER = TrunkConfig(host="sip.example.net", addresses=("198.51.100.0/24", "2001:db8::/32"))
PBX = Address("192.0.2.1", 5060)


def sources() -> TrunkSources:
    found = TrunkSources({"office": OFFICE, "sales": SALES, "provider": PROVIDER})
    found.resolved("office", [PBX])
    found.resolved("sales", [PBX])
    return found


def test_a_call_is_the_trunks_from_whose_address_it_comes() -> None:
    found = sources()
    assert found.of(Address("198.51.100.7", 5080), "sip:+15551234567@bot") == "provider"
    assert found.of(Address("2001:db8::7", 5060), "sip:bot@bot") == "provider"
    assert found.of(Address("203.0.113.7", 5060), "sip:100@bot") == ""  # knowing the user is not enough
    assert found.of(Address("::ffff:192.0.2.1", 5060), "sip:100@bot") == "office"


def test_of_several_trunks_at_one_address_the_user_decides() -> None:
    found = sources()
    assert found.of(PBX, "sip:200@192.0.2.9:5060") == "sales"
    assert found.of(PBX, "sip:100@192.0.2.9:5060;transport=tcp") == "office"
    assert found.of(PBX, "sip:300@192.0.2.9:5060") == "office"


def test_an_address_that_the_host_no_longer_has_is_a_strangers() -> None:
    found = sources()
    found.resolved("office", [Address("192.0.2.5", 5060)])
    found.resolved("sales", [Address("192.0.2.5", 5060)])
    assert found.of(PBX, "sip:100@bot") == ""
    assert sorted(found.networks) == ["192.0.2.5/32", "192.0.2.5/32", "198.51.100.0/24", "2001:db8::/32"]


def test_calls_at_once() -> None:
    found = sources()
    for call in ("a", "b"):
        assert found.refusal("sales", 0.0) is None
        found.taken(call, "sales", 0.0)
    refusal = found.refusal("sales", 0.0)
    assert refusal is not None
    assert (refusal.reason, refusal.status) == (Reason.TRUNK, 486)
    assert found.refusal("office", 0.0) is None
    assert found.refusal("", 0.0) is None
    found.released("b")
    found.released("unknown")
    assert found.refusal("sales", 0.0) is None
    assert found.calls("sales") == 1


@pytest.mark.parametrize(("per_s", "at_once", "again_s"), [(3.0, 3, 1.0), (0.5, 1, 2.0), (2.9, 2, 1.0)])
def test_calls_per_second(per_s: float, at_once: int, again_s: float) -> None:
    found = TrunkSources({"paced": TrunkConfig(host="sip.example.net", calls_per_second=per_s)})
    for number in range(at_once):
        assert found.refusal("paced", 10.0) is None
        found.taken(str(number), "paced", 10.0)
        found.released(str(number))  # what is over counts for the second, too
    refusal = found.refusal("paced", 10.0 + again_s - 0.01)
    assert refusal is not None
    assert (refusal.reason, refusal.status) == (Reason.SETUPS, 503)
    assert found.refusal("paced", 10.0 + again_s) is None

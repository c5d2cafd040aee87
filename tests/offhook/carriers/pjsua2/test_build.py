"""What PJSIP would end its process for is refused at the start."""

from typing import Any

import pytest

from offhook.carriers.pjsua2 import build
from offhook.settings.config import Config
from offhook.usererror import UserError


def config(**sections: Any) -> Config:
    sections["sip"] = {"backend": "pjsua2", **sections.get("sip", {})}
    return Config.model_validate(sections)


def trunks(count: int) -> dict[str, Any]:
    return {f"t{number}": {"host": f"192.0.2.{number}"} for number in range(count)}


SMALL = 12


def small(wanted: int, *, ipv6: bool = False) -> int:
    """A build with twelve accounts and without IPv6."""
    return 0 if ipv6 else min(wanted, SMALL)


def refused(given: Config, host: str = "127.0.0.1") -> list[tuple[str, str, str]]:
    with pytest.raises(UserError) as raised:
        build.check(given, host)
    assert all('`backend = "own"` below `[sip]`' in each.todo for each in raised.value.problems)
    return [(each.where, each.what, each.why) for each in raised.value.problems]


def test_trunks_are_counted_against_the_accounts_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "accounts", small)
    build.check(config(trunks=trunks(SMALL - 1)), "127.0.0.1")
    ((where, what, why),) = refused(config(trunks=trunks(SMALL)))
    assert (where, what) == ("trunks", "12 trunks are too many for PJSIP")
    assert "has room for 11" in why


def test_what_every_build_has_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "accounts", lambda *_, **__: pytest.fail("tried"))
    build.check(config(trunks=trunks(build.USUAL_ACCOUNTS - 1)), "127.0.0.1")


def test_each_ipv6_address_is_refused_where_the_build_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "accounts", small)
    pbx = {"host": "2001:db8::7", "outbound_proxy": "[2001:db8::8]:5070"}
    found = refused(config(sip={"advertised_host": "2001:db8::1"}, trunks={"pbx": pbx}), "::1")
    assert [where for where, _, _ in found] == [
        "sip.host",
        "sip.advertised_host",
        "trunks.pbx.host",
        "trunks.pbx.outbound_proxy",
    ]
    assert found[0][1] == "PJSIP cannot use ::1"
    assert all("PJ_HAS_IPV6" in why for _, _, why in found)
    monkeypatch.setattr(build, "accounts", lambda wanted, *, ipv6=False: wanted)
    build.check(config(trunks={"pbx": pbx}), "::1")


def test_codecs_are_compared_with_those_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "codecs", lambda: ["PCMU/8000/1", "PCMA/8000/1"])
    build.check(config(rtp={"codecs": ("PCMA", "PCMU")}), "127.0.0.1")
    with pytest.raises(UserError) as raised:
        build.check(config(rtp={"codecs": ("OPUS", "PCMU", "G722")}), "127.0.0.1")
    assert [each.what for each in raised.value.problems] == [
        "the codec OPUS is not there",
        "the codec G722 is not there",
    ]
    assert {each.where for each in raised.value.problems} == {"rtp.codecs"}
    monkeypatch.setattr(build, "codecs", lambda: ["opus/48000/2", "PCMU/8000/1"])
    build.check(config(rtp={"codecs": ("OPUS", "PCMU")}), "127.0.0.1")


def test_the_build_that_is_installed_is_tried() -> None:
    pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")
    assert build.accounts(2) == 2
    assert {"PCMU/8000/1", "PCMA/8000/1"} <= set(build.codecs())
    assert all(each.count("/") == 2 and " " not in each for each in build.codecs())
    assert 2 < build.accounts(1_000) < 1_000
    assert build.most_calls() > 0
    assert build.accounts(1, ipv6=True) in (0, 1)

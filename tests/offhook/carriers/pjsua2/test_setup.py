"""What PJSIP cannot do is refused at the start, all of it at once."""

from typing import Any

import pytest

from offhook.carriers.pjsua2.setup import check
from offhook.settings.config import Config
from offhook.usererror import UserError

TRUNK = {"host": "192.0.2.7", "user": "bot", "password": "s3cret"}


def config(**sections: Any) -> Config:
    sections["sip"] = {"backend": "pjsua2", **sections.get("sip", {})}
    return Config.model_validate(sections)


def test_what_it_can_do_is_not_refused() -> None:
    check(config())
    check(config(trunks={"pbx": {**TRUNK, "refer": "accept", "capture": False}}))
    check(config(sip={"registrar": False}, records={"sip_days": 0, "capture": False}))
    check(config(sip={"dns_servers": ("192.0.2.53", "192.0.2.54:5353", "[2001:db8::53]")}))
    check(config(calls={"workers": 1}, sip={"ice": True, "host": "192.0.2.1"}, rtp={"srtp": "preferred"}))
    secure = {"pbx": {**TRUNK, "registration": True, "transport": "tls"}}
    check(config(sip={"tls_authorities": "authorities.pem"}, trunks=secure))


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ({"calls": {"workers": 2}}, "calls.workers"),
        ({"sip": {"users": {"ann": "s3cret"}}}, "sip.users"),
        ({"sip": {"ice": True}}, "sip.ice"),
        ({"sip": {"ice": True, "host": "127.0.1.7"}}, "sip.ice"),
        ({"sip": {"unknown_sources": "silence"}}, "sip.unknown_sources"),
        ({"sip": {"advertised_host": "192.0.2.1", "advertised_port": 5090}}, "sip.advertised_port"),
        ({"trunks": {"pbx": {**TRUNK, "transport": "tls"}}}, "sip.tls_authorities"),
        ({"records": {"capture": True}}, "records.capture"),
        ({"trunks": {"pbx": {**TRUNK, "capture": True}}}, "trunks.pbx.capture"),
        ({"records": {"sip_days": 30}}, "records.sip_days"),
        ({"sip": {"registrar": True}}, "sip.registrar"),
        ({"sip": {"digest": ("SHA-256",)}}, "sip.digest"),
        ({"sip": {"domain": "sip.example.com"}}, "sip.domain"),
        ({"trunks": {"pbx": {**TRUNK, "options_s": 30}}}, "trunks.pbx.options_s"),
        ({"trunks": {"pbx": {**TRUNK, "codecs": ("PCMA",)}}}, "trunks.pbx.codecs"),
        ({"trunks": {"pbx": {**TRUNK, "contact_user": "other"}}}, "trunks.pbx.contact_user"),
    ],
)
def test_what_it_cannot_do_is_refused_in_three_parts(sections: dict[str, Any], where: str) -> None:
    with pytest.raises(UserError) as raised:
        check(config(**sections))
    (problem,) = raised.value.problems
    assert problem.where == where
    assert problem.why
    assert '`backend = "own"` below `[sip]`' in problem.todo


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UserError) as raised:
        check(config(calls={"workers": 4}, records={"capture": True}, trunks={"pbx": {**TRUNK, "options_s": 9}}))
    assert [each.where for each in raised.value.problems] == [
        "calls.workers",
        "records.capture",
        "trunks.pbx.options_s",
    ]


def test_ice_needs_it() -> None:
    with pytest.raises(ValueError, match="`ice` needs `backend"):
        Config.model_validate({"sip": {"ice": True}})

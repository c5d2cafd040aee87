"""Who certificates are for (RFC 5922 §7.1, §7.2), as openssl makes them."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.pjsua2.certificates import Identities, identities
from tests.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def of(authority: Authority, *names: str, subject: str = "/CN=test") -> Identities:
    return identities(authority.issue(*names, file="one", subject=subject).certificate.read_text())


@pytest.mark.parametrize(
    ("names", "subject", "found"),
    [
        (("pbx.test", "Sip.PBX.test"), "/CN=test", {"pbx.test", "sip.pbx.test"}),
        (("other.test",), "/CN=pbx.test", {"other.test"}),
        (("email:bot@pbx.test",), "/CN=pbx.test", set()),
        ((), "/CN=PBX.test", {"pbx.test"}),
        ((), "/C=DE/O=PBX/CN=pbx.test", {"pbx.test"}),
        ((), r"/O=x\/CN=pbx.test/CN=other.test", {"other.test"}),
        ((), r"/CN=x\/CN=pbx.test", {"x/cn=pbx.test"}),
        ((), "/O=pbx.test", set()),
        (("URI:sip:pbx.test", "URI:sip:bot@other.test", "URI:https://other.test"), "/CN=test", {"pbx.test"}),
        (("URI:sip:pbx.test:5061;transport=tls",), "/CN=test", {"pbx.test"}),
        (("URI:sips:pbx.test",), "/CN=test", set()),
    ],
)
def test_names(authority: Authority, names: tuple[str, ...], subject: str, found: set[str]) -> None:
    assert of(authority, *names, subject=subject) == Identities(frozenset(found), frozenset())


def test_addresses(authority: Authority) -> None:
    made = of(authority, "IP:192.0.2.7", "IP:2001:db8::7", "DNS:192.0.2.8", subject="/CN=192.0.2.9")
    assert made.addresses == {"192.0.2.7", "2001:db8::7"}
    assert made.have("192.0.2.7")
    assert made.have("[2001:DB8:0::7]")
    assert not made.have("192.0.2.8")
    assert not made.have("192.0.2.9")


def test_a_host_is_one_of_them(authority: Authority) -> None:
    made = of(authority, "pbx.test", "*.provider.test")
    assert made.have("PBX.test")
    for host in ("sip.pbx.test", "test", "sip.provider.test", "provider.test", "", "192.0.2.7"):
        assert not made.have(host)
    assert str(made) == "*.provider.test, pbx.test"
    assert str(of(authority, "email:bot@pbx.test")) == "nobody"
    assert str(of(authority, *(f"{each}.test" for each in "abcdef"))) == "a.test, b.test, c.test, d.test, …"


def test_a_name_does_not_end_within(authority: Authority) -> None:
    pem = authority.issue("pbx.test-other.test").certificate.read_text()
    der = ssl.PEM_cert_to_DER_cert(pem).replace(b"pbx.test-", b"pbx.test\0")
    assert identities(ssl.DER_cert_to_PEM_cert(der)).names == {"pbx.test\0other.test"}


def test_what_is_no_certificate_is_refused(authority: Authority) -> None:
    for wrong in ("", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        with pytest.raises(ValueError, match="cannot be read"):
            identities(wrong)
    der = ssl.PEM_cert_to_DER_cert(authority.issue("pbx.test").certificate.read_text())
    for length in range(len(der)):
        with pytest.raises(ValueError, match="cannot be read"):
            identities(ssl.DER_cert_to_PEM_cert(der[:length]))


@given(st.binary(max_size=64))
def test_any_octets_are_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        identities(ssl.DER_cert_to_PEM_cert(der))

"""The examples of RFC 7616 §3.9.1 and of RFC 2617 §3.5, and what holds for every algorithm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.auth.digest import ALGORITHMS, known, response, secret_of, strength
from offhook.sip.auth.fields import Challenge, Credentials
from offhook.sip.errors import ParseError

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, expected: str) -> None:
    secret = secret_of(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life")
    found = response(
        secret, algorithm=algorithm, method="GET", uri="/dir/index.html", nonce=NONCE, qop="auth", nc=1, cnonce=CNONCE
    )
    assert found == expected


def test_the_example_of_rfc_2617() -> None:
    secret = secret_of("MD5", "Mufasa", "testrealm@host.com", "Circle Of Life")
    nonce, cnonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b"
    found = response(
        secret, algorithm="MD5", method="GET", uri="/dir/index.html", nonce=nonce, qop="auth", nc=1, cnonce=cnonce
    )
    assert found == "6629fae49393a05397450978507c4ef1"


def test_the_strongest_comes_first() -> None:
    assert sorted(ALGORITHMS, key=strength, reverse=True) == ["SHA-512-256", "SHA-256", "MD5"]
    assert known("sha-256-SESS")
    assert not known("SHA-1")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(TEXT, TEXT, st.booleans(), st.none() | TEXT)
def test_a_challenge_is_read_as_it_was_written(realm: str, nonce: str, stale: bool, opaque: str | None) -> None:
    challenge = Challenge(realm, nonce, "SHA-256", ("auth", "auth-int"), opaque, stale)
    assert Challenge.parse(str(challenge)) == challenge


@given(TEXT, TEXT, TEXT, st.integers(1, 0xFFFFFFFF))
def test_credentials_are_read_as_they_were_written(user: str, realm: str, cnonce: str, nc: int) -> None:
    credentials = Credentials(user, realm, "n", "sip:a@b;x=1,2", "ab" * 16, "MD5", "auth", nc, cnonce, "o")
    assert Credentials.parse(str(credentials)) == credentials


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic YTpi",
        "Digest",
        "Digest realm",
        'Digest realm="a"',
        'Digest realm="a", realm="b", nonce="c"',
        'Digest realm="a, nonce="c"',
        "Digest " + ", ".join(f'x{n}="a"' for n in range(40)),
    ],
)
def test_what_is_no_challenge(text: str) -> None:
    with pytest.raises(ParseError):
        Challenge.parse(text)


def test_challenges_of_the_field() -> None:
    asterisk = 'Digest realm="asterisk",nonce="1/ab",opaque="5c",algorithm=md5,qop="auth"'
    assert Challenge.parse(asterisk) == Challenge("asterisk", "1/ab", "md5", ("auth",), "5c")
    cisco = 'DIGEST  realm="1.2.3.4" , nonce="x" , stale=FALSE, qop="auth,auth-int"'
    assert Challenge.parse(cisco) == Challenge("1.2.3.4", "x", "MD5", ("auth", "auth-int"))

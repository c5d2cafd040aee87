"""The expected values are those of Twilio's own `RequestValidator`; the first is from its documentation."""

import pytest

from offhook.telephony.media_streams.signature import is_signed, is_signed_body, sign

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": ["CA1234567890ABCDE"],
    "Caller": ["+14158675309"],
    "Digits": ["1234"],
    "From": ["+14158675309"],
    "To": ["+18005551212"],
}
BODY = b'{"property": "value", "boolean": true}'
BODY_SHA256 = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"


@pytest.mark.parametrize(
    ("url", "fields", "signature"),
    [
        (URL, FIELDS, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, dict(reversed(FIELDS.items())), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        ("https://a.example/twilio/voice", {"Müller": ["ü €"], "A": [""]}, "oNB3QLycNv7fWP+3muXGN+kCQ0E="),
        ("http://a.example:8080/x", {}, "LGX0fz9qqJhd1sQdYmWlqOW0n2U="),
        ("wss://a.example/twilio/media/T", None, "oq8lHPc7SKKhJ5uMf2gwH6KMbYI="),
        ("https://a.example/x", {"X": ["b", "a", "b"]}, "xQpK/V8GpAPyAeegjfRqQ4b4+qY="),
    ],
)
def test_signatures_are_twilios(url: str, fields: dict[str, list[str]] | None, signature: str) -> None:
    assert sign(TOKEN, url, fields) == signature
    assert is_signed(TOKEN, url, signature, fields)


@pytest.mark.parametrize(
    ("signed", "known", "same"),
    [
        ("https://a.example:443/x", "https://a.example/x", True),
        ("https://a.example/x", "https://a.example:443/x", True),
        ("http://a.example/x", "http://a.example:80/x", True),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x", True),
        ("https://a.example/x", "https://a.example:8443/x", True),
        ("https://a.example:8443/x", "https://a.example:8443/x", True),
        ("http://a.example/x?y=1", "http://a.example:8080/x?y=1", True),
        ("wss://a.example/x", "wss://a.example:8443/x", True),
        ("ws://a.example/x", "ws://a.example:8080/x", True),
        ("wss://a.example:443/x", "wss://a.example/x", True),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]:8443/x", True),
        ("https://A.example/x", "https://A.example:8443/x", True),
        ("https://me:pass@a.example/x", "https://me:pass@a.example:8443/x", True),
        ("https://a.example:8443/x", "https://a.example/x", False),
        ("https://a.example:8444/x", "https://a.example:8443/x", False),
        ("https://a.example:443/x", "https://a.example:8443/x", False),
        ("https://b.example/x", "https://a.example:8443/x", False),
        ("http://a.example:443/x", "http://a.example/x", False),
        ("http://a.example/x", "https://a.example/x", False),
    ],
)
def test_the_port_may_be_left_out(signed: str, known: str, same: bool) -> None:
    assert is_signed(TOKEN, known, sign(TOKEN, signed)) is same


def test_a_body_is_signed_by_its_digest_in_the_url() -> None:
    url = f"{URL}&bodySHA256={BODY_SHA256}"
    signature = "a9nBmqA0ju/hNViExpshrM61xv4="
    assert is_signed_body(TOKEN, url, signature, BODY)
    assert not is_signed_body(TOKEN, url, signature, BODY + b" ")
    assert not is_signed_body(TOKEN, url, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", BODY)
    assert not is_signed_body(TOKEN, URL, sign(TOKEN, URL), BODY), "without a digest nothing is proven"
    twice = f"{url}&bodySHA256={BODY_SHA256}"
    assert not is_signed_body(TOKEN, twice, sign(TOKEN, twice), BODY)

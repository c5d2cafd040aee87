"""The signature of webhooks: the specification's own example, and what it refuses."""

import base64

import pytest

from offhook.outbox.signature import TOLERANCE_S, is_genuine, secret_bytes, signed_headers

# The example of the Standard Webhooks specification's libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330.0, b'{"test": 2432232314}'


def test_the_example_of_the_specification() -> None:
    headers = signed_headers(SECRET, ID, AT, BODY)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (ID, "1614265330")
    assert is_genuine(SECRET, headers, BODY, AT)


def test_one_of_several_signatures_is_enough() -> None:
    headers = signed_headers(SECRET, ID, AT, BODY)
    assert is_genuine(SECRET, headers | {"webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}, BODY, AT)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "²"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
    ],
)
def test_what_is_changed_is_refused(changed: dict[str, str]) -> None:
    assert not is_genuine(SECRET, signed_headers(SECRET, ID, AT, BODY) | changed, BODY, AT)


def test_another_body_secret_or_time_is_refused() -> None:
    headers = signed_headers(SECRET, ID, AT, BODY)
    other = "whsec_" + base64.b64encode(bytes(24)).decode()
    assert not is_genuine(SECRET, headers, BODY + b" ", AT)
    assert not is_genuine(other, headers, BODY, AT)
    assert is_genuine(SECRET, headers, BODY, AT + TOLERANCE_S)
    assert not is_genuine(SECRET, headers, BODY, AT + TOLERANCE_S + 1)
    assert not is_genuine(SECRET, headers, BODY, AT - TOLERANCE_S - 1)


@pytest.mark.parametrize("secret", ["", "abc", "whsec_", "whsec_!", "whsec_" + base64.b64encode(bytes(23)).decode()])
def test_a_secret_has_its_form(secret: str) -> None:
    with pytest.raises(ValueError):
        secret_bytes(secret)

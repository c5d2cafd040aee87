"""No secret is in a message that was redacted, and the rest of it is as it was."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.ladder.redact import redacted
from tests.offhook.ladder.wire import invite, message, sdp

DIGEST = (
    'Digest username="bot", realm="a", nonce="n,1", uri="sip:a", response="0a4f113b0a4f113b0a4f113b0a4f113b", '
    'cnonce="c4f2", nc=00000001, qop=auth, algorithm=SHA-256'
)


@pytest.mark.parametrize(
    ("field", "secrets", "shown"),
    [
        (f"Authorization: {DIGEST}", ["0a4f113b", "c4f2"], ['username="bot"', 'nonce="n,1"', "nc=00000001", "SHA-256"]),
        (f"proxy-authorization :{DIGEST}", ["0a4f113b", "c4f2"], ['realm="a"']),
        ("Authorization: Digest RESPONSE = 0a4f113b, username=bot", ["0a4f113b"], ["username=bot"]),
        ('Authorization: Digest username="b",\r\n response="0a4f113b"', ["0a4f113b"], ['username="b"']),
        ('Authorization: Digest username="b\\", response=\\"", response="0a4f113b"', ["0a4f113b"], []),
        ("Authorization: Basic Ym90OnNlY3JldA==", ["Ym90OnNlY3JldA"], []),
        ("Authorization: Bearer abc.def", ["abc.def"], []),
        ('Authorization: Digest response="unterminated 0a4f113b', ["0a4f113b"], []),
        ('Authentication-Info: rspauth="0a4f113b", nextnonce="n2"', ["0a4f113b"], ['nextnonce="n2"']),
        ("Subject: x\rAuthorization: Digest response=0a4f113b", ["0a4f113b"], []),
        ("X-Auth-Token: 0a4f113b", ["0a4f113b"], ["X-Auth-Token:"]),
        ("X-Api-Key: a\r\n 0a4f113b\r\nX-Shop: keys", ["0a4f113b"], ["X-Shop: keys"]),
        ("Contact: <sip:alice:hunter2@192.0.2.7>", ["hunter2"], ["sip:alice:", "@192.0.2.7"]),
    ],
)
def test_credentials(field: str, secrets: list[str], shown: list[str]) -> None:
    data = message("REGISTER sip:192.0.2.1 SIP/2.0", field, cseq="1 REGISTER")
    made = redacted(data).decode()
    assert len(made) == len(data)
    assert not [each for each in secrets if each in made]
    assert [each for each in shown if each in made] == shown


@pytest.mark.parametrize(
    "line",
    [
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:U0VDUkVUU0VDUkVU|2^20|1:4",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:U0VDUkVUU0VDUkVU",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:U0VDUkVU;inline:U0VDUkVUU0VDUkVU",
        "k=base64:U0VDUkVU",
        "a=key-mgmt:mikey U0VDUkVU",
    ],
)
def test_media_keys(line: str) -> None:
    data = message("INVITE sip:a SIP/2.0", body=sdp("192.0.2.7", 4000, line, "a=ptime:20"))
    made = redacted(data)
    assert b"U0VDUkVU" not in made and len(made) == len(data)
    assert b"a=ptime:20\r\n" in made and b"m=audio 4000" in made


@pytest.mark.parametrize("body", ["Signal=7\r\nDuration=160\r\n", "signal = 7\nDuration=160", "7", "7\r\n", "p=7\r\n"])
def test_a_key_by_info(body: str) -> None:
    data = message("INFO sip:a SIP/2.0", "Content-Type: application/dtmf-relay", cseq="2 INFO", body=body)
    made = redacted(data)
    assert b"7" not in made.partition(b"\r\n\r\n")[2] and len(made) == len(data)
    assert b"Duration=160" in made or "Duration" not in body


def test_a_message_without_secrets_is_the_same() -> None:
    assert redacted(invite()) == invite()


@pytest.mark.parametrize(
    "piece",
    [b'a="', b'a="\\', b"inline:", b"sip:", b"sip:a:", b"k=", b"token-", b"api-key", b"\r\n ", b"authorization:", b"="],
)
def test_a_message_of_nothing_but_beginnings_takes_no_time(piece: bytes) -> None:
    data = (b"INFO sip:a SIP/2.0\r\nAuthorization: Digest " + piece * 8_192)[:8_192]
    took = []
    for _ in range(3):
        began = time.perf_counter()
        redacted(data)
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02


@given(st.binary(max_size=400))
def test_anything(junk: bytes) -> None:
    data = b"INFO sip:a SIP/2.0\r\nAuthorization: Digest " + junk + b"\r\n\r\n" + junk
    assert len(redacted(data)) == len(data)

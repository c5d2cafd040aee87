"""No secret is in a message that was redacted, and the rest of it is as it was."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.ladder.kept import MAX_TEXT_BYTES, Bounds, KeptMessages
from offhook.ladder.redact import redacted
from tests.offhook.ladder.wire import flow, invite, message, sdp

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
        ("Contact: <sip:alice;x=1:hunter2@192.0.2.7>", ["hunter2"], ["sip:alice;x=1:", "@192.0.2.7"]),
        ("Call-Info: <https://alice:hunter2@192.0.2.7/card>", ["hunter2"], ["https://alice:", "@192.0.2.7/card"]),
        ("Contact: <sip:alice:" + 900 * "hunter2" + "@192.0.2.7>", ["hunter2"], ["sip:alice:", "@192.0.2.7"]),
        ("Contact: <sip:" + 600 * "a" + ":hunter2@192.0.2.7>", ["hunter2"], ["@192.0.2.7"]),
        ("Contact: <sip:alice%3Ahunter2@192.0.2.7>", ["hunter2"], ["sip:alice%3A", "@192.0.2.7"]),
        ("Refer-To: <sip:a@b?From=sip%3Aalice%3Ahunter2%40h>", ["hunter2"], ["sip%3Aalice%3A", "%40h>"]),
        ("Alert-Info: <https://hunter2@192.0.2.7/ring>", ["hunter2"], ["@192.0.2.7/ring"]),
        ("X-Auth: 0a4f113b", ["0a4f113b"], []),
        ("X-Authorization: 0a4f113b", ["0a4f113b"], []),
        ("Cookie: id=0a4f113b", ["0a4f113b"], []),
        ("X-PIN: 4711\r\nX-Pinned: 4712\r\nX-Ping: 4713", ["4711"], ["4712", "4713"]),
        ("X-Access-Key: 0a4f113b", ["0a4f113b"], []),
        ("X_Passphrase: 0a4f113b", ["0a4f113b"], []),
        ("X-Shop.Token: 0a4f113b", ["0a4f113b"], ["X-Shop.Token:"]),
        ("Refer-To: <sip:a@b?Authorization=Digest%20response%3D0a4f113b&Subject=x>", ["0a4f113b"], ["&Subject=x>"]),
        ("r: <sip:a@b?Subject=x&%41uthorization=Basic%20c2VjcmV0>", ["c2VjcmV0"], ["?Subject=x&"]),
        ('Contact: <sip:a@b;token=0a4f113b;lr>;password="0a4f 113b"', ["0a4f"], [";lr>"]),
        ('WWW-Authenticate: Digest realm="a", nonce="n,1"', [], ['realm="a", nonce="n,1"']),
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
        "a=ice-pwd:U0VDUkVUU0VDUkVUU0VDUkVU",
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


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_key_by_info_whatever_ends_its_lines(end: bytes) -> None:
    data = message("INFO sip:a SIP/2.0", cseq="2 INFO", body="Signal=7\r\nDuration=160\r\n").replace(b"\r\n", end)
    made = redacted(data)
    assert b"Signal=7" not in made and b"2 INFO" in made and b"Duration=160" in made


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_half_a_secret_at_the_end_is_not_shown(cut: int) -> None:
    before = b"INVITE sip:a SIP/2.0\r\nSubject: "
    before += b"x" * (MAX_TEXT_BYTES - len(before) - cut)
    kept = KeptMessages("one", Bounds())
    kept.add(1.0, before + b"\r\nContact: <sip:alice:hunter2hunter2@192.0.2.7>\r\n\r\n", flow(), True)
    ((only,)) = kept.to_dict()["messages"]
    assert "hunter" not in only["text"] and len(only["text"]) == MAX_TEXT_BYTES


def test_a_message_without_secrets_is_the_same() -> None:
    assert redacted(invite()) == invite()


PIECES = [
    b'a="', b'a="\\', b"inline:", b"inline: ", b"sip:", b"sip:a:", b"://a:", b"k=", b"token-", b"token:", b"api-key",
    b"\r\n ", b"authorization:", b"=", b";a=", b';token="', b"?a", b"&token=", b"\ra ", b"\r\na: ", b"\r", b"\n", b" ",
    b"signal =", b"signal ", b"\nsignal", b"@", b"sip%3a", b"sip:a:b", b"sip%3aa%3ab", b"%40",
]  # fmt: skip


@pytest.mark.alone
@pytest.mark.parametrize("piece", PIECES)
def test_a_message_of_twice_the_length_takes_twice_the_time(piece: bytes) -> None:
    def took(length: int) -> float:
        data = (b"INFO sip:a SIP/2.0\r\nAuthorization: Digest token " + piece * length)[:length]
        times = []
        for _ in range(5):
            began = time.thread_time()
            redacted(data)
            times.append(time.thread_time() - began)
        return min(times)

    short, long = took(16_384), took(32_768)
    assert long < 3 * short + 0.0005  # four times as long if it were quadratic


@pytest.mark.parametrize(
    "piece",
    PIECES,
)
def test_a_message_of_nothing_but_beginnings_takes_no_time(piece: bytes) -> None:
    data = (b"INFO sip:a SIP/2.0\r\nAuthorization: Digest " + piece * 8_192)[:8_192]
    took = []
    for _ in range(3):
        began = time.thread_time()
        redacted(data)
        took.append(time.thread_time() - began)
    assert min(took) < 0.02


@given(st.binary(max_size=400))
def test_anything(junk: bytes) -> None:
    data = b"INFO sip:a SIP/2.0\r\nAuthorization: Digest " + junk + b"\r\n\r\n" + junk
    assert len(redacted(data)) == len(data)

"""Keys in session descriptions: which lines can be used (RFC 4568), and what is agreed on with them."""

import base64
from itertools import count

import pytest

from offhook.sip.errors import NotAcceptableError, RemoteError
from offhook.sip.sdp.codecs import AudioCapabilities
from offhook.sip.sdp.crypto import KEY_BYTES, NegotiatedSrtp, SrtpCapabilities, SrtpPolicy, parse_crypto
from offhook.sip.sdp.model import Media
from offhook.sip.sdp.offer_answer import OfferAnswer
from offhook.sip.sdp.parser import parse
from tests.sip.sdp.samples import LOCAL, OFFER, sdp

CM_80, CM_32, GCM_128, GCM_256 = (
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
)
RFC_KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"  # of RFC 4568 §5.1
OTHER_KEY = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR"  # of its §4
SUITES = (CM_80, GCM_256, CM_32)


def call(policy: str, suites: tuple[str, ...] = SUITES) -> OfferAnswer:
    numbers = count(1)

    def new_key(length: int) -> bytes:
        return bytes([next(numbers)]) * length

    return OfferAnswer(LOCAL, AudioCapabilities(srtp=SrtpCapabilities(SrtpPolicy(policy), suites, new_key)))


def secure(*crypto: str, protocol: str = "RTP/SAVP", port: int = 4000) -> bytes:
    return sdp(f"m=audio {port} {protocol} 0", *(f"a=crypto:{each}" for each in crypto))


def audio_of(description: bytes) -> Media:
    return next(each for each in parse(description).media if each.port)


def keys_of(session: OfferAnswer) -> NegotiatedSrtp:
    assert session.agreed is not None
    assert session.agreed.srtp is not None
    return session.agreed.srtp


def key(line: str) -> bytes:
    return parse_crypto(line).key


@pytest.mark.parametrize(
    "line",
    [
        f"1 {CM_80} inline:{RFC_KEY}",
        f"1 {CM_80} inline:{RFC_KEY}|2^20",
        f"999999999 {CM_32} inline:{RFC_KEY}|1000000",
        f"1\t{CM_80.lower()}  INLINE:{RFC_KEY} WSH=128 -TOY=1",
    ],
)
def test_lines_that_can_be_used(line: str) -> None:
    assert parse_crypto(line).key == base64.b64decode(RFC_KEY)


def test_a_key_without_its_padding() -> None:
    made = base64.b64encode(bytes(range(28))).decode()
    assert made.endswith("==")
    assert key(f"1 {GCM_128} inline:{made.rstrip('=')}") == bytes(range(28)) == key(f"1 {GCM_128} inline:{made}")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        # RFC 4568 §5.1, §9.1
        (f"1 {CM_80} inline:{RFC_KEY}|2^20|1:4 FEC_ORDER=FEC_SRTP", "master key identifier"),
        (
            f"2 F8_128_HMAC_SHA1_80 inline:{RFC_KEY}|2^20|1:4;inline:{OTHER_KEY}|2^20|2:4 FEC_ORDER=FEC_SRTP",
            "F8_128_HMAC_SHA1_80 is not supported",
        ),
        (f"1 {CM_80} inline:{RFC_KEY};inline:{OTHER_KEY}", "several keys"),
        (f"1 {CM_80} inline:{RFC_KEY} UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP"),
        (f"1 {CM_80} inline:{RFC_KEY} UNENCRYPTED_SRTCP", "UNENCRYPTED_SRTCP"),
        (f"1 {CM_80} inline:{RFC_KEY} UNAUTHENTICATED_SRTP", "UNAUTHENTICATED_SRTP"),
        (f"1 {CM_80} inline:{RFC_KEY} WSH=64 KDR=1", "KDR"),
        (f"1 {CM_80} inline:{RFC_KEY} FEC_KEY=inline:{OTHER_KEY}", "FEC_KEY"),
        (f"1 {CM_80} inline:{RFC_KEY[:-4]}", "27 bytes"),
        (f"1 {GCM_256} inline:{RFC_KEY}", "30 bytes"),
        (f"1 {CM_80} inline:{RFC_KEY[:-3]}", "malformed"),
        (f"1 {CM_80} inline:!{RFC_KEY}", "malformed"),
        (f"1 {CM_80} uri:https://keys.test", "malformed"),
        (f"x {CM_80} inline:{RFC_KEY}", "malformed"),
        (f"1234567890 {CM_80} inline:{RFC_KEY}", "malformed"),
        (f"1 {CM_80}", "malformed"),
        ("", "malformed"),
    ],
)
def test_lines_that_cannot(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_crypto(line)


def test_an_offer_is_answered_with_a_key_of_ours() -> None:
    ours = call("preferred")
    answer = ours.answer(
        secure(
            f"1 {CM_80} inline:{RFC_KEY} UNENCRYPTED_SRTP",
            f"2 {GCM_128} inline:{base64.b64encode(bytes(28)).decode()}",
            f"7 {CM_32} inline:{OTHER_KEY}",
            f"8 {CM_80} inline:{RFC_KEY}",
        )
    )
    line = audio_of(answer)
    (crypto,) = line.values("crypto")
    assert line.protocol == "RTP/SAVP"
    assert crypto.startswith(f"7 {CM_32} inline:")
    assert keys_of(ours) == NegotiatedSrtp(CM_32, b"\x01" * 30, base64.b64decode(OTHER_KEY))
    assert key(crypto) == b"\x01" * 30
    assert RFC_KEY not in repr(ours.agreed) and "x01" not in repr(ours.agreed)


@pytest.mark.parametrize("suite", ["AES_256_CM_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_32"])
def test_suites_that_are_answered_and_not_offered(suite: str) -> None:
    ours, made = call("required"), bytes(range(46))
    offer = secure(f"1 {suite} inline:{base64.b64encode(made).decode()}", f"2 {CM_80} inline:{RFC_KEY}")
    (crypto,) = audio_of(ours.answer(offer)).values("crypto")
    assert crypto.startswith(f"1 {suite} ")
    assert keys_of(ours) == NegotiatedSrtp(suite, b"\x01" * 46, made)
    assert [parse_crypto(each).suite for each in audio_of(ours.offer()).values("crypto")] == [suite]
    assert suite not in [parse_crypto(each).suite for each in audio_of(call("required").offer()).values("crypto")]


@pytest.mark.parametrize(
    ("policy", "offer", "why"),
    [
        ("off", secure(f"1 {CM_80} inline:{RFC_KEY}"), "audio must be RTP/AVP"),
        ("preferred", secure(), "RTP/SAVP, with keys"),
        ("preferred", secure(f"1 {CM_80} inline:{RFC_KEY} KDR=1"), "KDR is not supported"),
        ("required", OFFER, "RTP/SAVP, with keys"),
        ("preferred", secure(f"1 {CM_80} inline:{RFC_KEY}", protocol="RTP/SAVPF"), "RTP/AVP or RTP/SAVP"),
        ("required", secure(f"1 {CM_80} inline:{RFC_KEY}", protocol="UDP/TLS/RTP/SAVP"), "must be RTP/SAVP"),
    ],
)
def test_offers_that_are_refused(policy: str, offer: bytes, why: str) -> None:
    with pytest.raises(NotAcceptableError, match=why) as raised:
        call(policy).answer(offer)
    assert (raised.value.status, raised.value.warn_code) == (488, 302)


@pytest.mark.parametrize(("policy", "encrypted"), [("off", False), ("preferred", True), ("required", True)], ids=str)
def test_keys_beside_rtp_avp(policy: str, encrypted: bool) -> None:
    """As some phones offer encryption that may be refused."""
    ours = call(policy)
    line = audio_of(ours.answer(secure(f"1 {CM_80} inline:{RFC_KEY}", protocol="RTP/AVP")))
    assert (line.protocol, bool(line.values("crypto"))) == ("RTP/AVP", encrypted)
    assert ours.agreed is not None
    assert (ours.agreed.srtp is not None) is encrypted


def test_plain_audio_where_encryption_is_preferred() -> None:
    ours = call("preferred")
    assert not audio_of(ours.answer(OFFER)).values("crypto")
    assert ours.agreed is not None
    assert ours.agreed.srtp is None


def test_of_two_streams_the_encrypted_one_is_taken() -> None:
    ours = call("preferred")
    offer = sdp("m=audio 4000 RTP/AVP 0", "m=audio 4002 RTP/SAVP 0", f"a=crypto:1 {CM_80} inline:{RFC_KEY}")
    assert [(each.port, each.protocol) for each in parse(ours.answer(offer)).media] == [
        (0, "RTP/AVP"),
        (LOCAL.port, "RTP/SAVP"),
    ]


@pytest.mark.parametrize(("policy", "protocol"), [("preferred", "RTP/AVP"), ("required", "RTP/SAVP")])
def test_our_offer_and_its_answer(policy: str, protocol: str) -> None:
    ours = call(policy)
    line = audio_of(ours.offer())
    assert line.protocol == protocol
    offered = [parse_crypto(value) for value in line.values("crypto")]
    assert [(each.tag, each.suite) for each in offered] == list(enumerate(SUITES, 1))
    assert len({each.key for each in offered}) == 3
    made = base64.b64encode(bytes(44)).decode()
    ours.accept(secure(f"2 {GCM_256} inline:{made}", protocol=protocol))
    assert keys_of(ours) == NegotiatedSrtp(GCM_256, offered[1].key, bytes(44))
    # The next offer has what is in use.
    again = audio_of(ours.offer())
    assert again.protocol == protocol
    assert [parse_crypto(value).key for value in again.values("crypto")] == [offered[1].key]


def test_no_offer_of_keys_when_off() -> None:
    assert not audio_of(call("off").offer()).values("crypto")


@pytest.mark.parametrize(
    "answer",
    [
        secure(f"3 {CM_80} inline:{RFC_KEY}"),  # another's tag
        secure(f"1 {CM_80} inline:{RFC_KEY}", f"3 {CM_32} inline:{RFC_KEY}"),
        secure(),
        sdp("m=audio 4000 RTP/AVP 0"),
    ],
)
def test_answers_that_do_not_fit(answer: bytes) -> None:
    ours = call("required")
    ours.offer()
    with pytest.raises(RemoteError):
        ours.accept(answer)
    assert ours.agreed is None


def test_an_answer_without_keys_to_preferred_ones() -> None:
    ours = call("preferred")
    ours.offer()
    assert ours.accept(sdp("m=audio 4000 RTP/AVP 0")).srtp is None


@pytest.mark.parametrize(
    "offer",
    [
        OFFER,
        secure(),
        secure(f"1 {CM_80} inline:{RFC_KEY} UNENCRYPTED_SRTP"),
    ],
)
def test_a_later_offer_takes_no_encryption_away(offer: bytes) -> None:
    ours = call("preferred")
    ours.answer(secure(f"1 {CM_80} inline:{RFC_KEY}"))
    before = keys_of(ours)
    with pytest.raises(NotAcceptableError):
        ours.answer(offer)
    assert keys_of(ours) == before
    ours.offer()
    with pytest.raises(RemoteError):
        ours.accept(sdp("m=audio 4000 RTP/AVP 0"))


@pytest.mark.parametrize(
    ("crypto", "changes"),
    [
        (f"1 {CM_80} inline:{RFC_KEY}", False),
        (f"4 {CM_80} inline:{RFC_KEY}", False),  # a tag says nothing beyond its offer
        (f"1 {CM_80} inline:{OTHER_KEY}", True),
        (f"1 {CM_32} inline:{RFC_KEY}", True),
    ],
)
def test_our_key_changes_with_theirs(crypto: str, changes: bool) -> None:
    ours = call("preferred")
    ours.answer(secure(f"1 {CM_80} inline:{RFC_KEY}"))
    before = keys_of(ours)
    answer = audio_of(ours.answer(secure(crypto)))
    assert key(answer.values("crypto")[0]) == keys_of(ours).send_key
    assert (keys_of(ours).send_key != before.send_key) is changes


def test_hold_by_a_port_of_zero_keeps_the_keys() -> None:
    ours = call("preferred")
    ours.answer(secure(f"1 {CM_80} inline:{RFC_KEY}"))
    before = keys_of(ours)
    ours.answer(secure(f"1 {CM_80} inline:{RFC_KEY}", port=0))
    assert keys_of(ours) == before


def test_all_suites_have_a_key_of_their_length() -> None:
    for suite, length in KEY_BYTES.items():
        ours = call("preferred", tuple(KEY_BYTES))
        ours.answer(secure(f"1 {suite} inline:{base64.b64encode(bytes(length)).decode()}"))
        assert len(keys_of(ours).send_key) == length

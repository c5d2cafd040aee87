"""Encrypted media: two sessions, what others send between them, and RFC 3711's own vectors."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from offhook.telephony.errors import LocalError
from offhook.telephony.rtp import AudioPayload, RtpSession, SrtpKeys
from offhook.telephony.rtp.srtp import PROFILES, WIDENED, Srtp
from tests.telephony.rtp.support import FAR_SSRC, REMOTE, REMOTE_RTCP, START, audio, config, events, session

LENGTHS = {
    **{"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44},
    **{"AES_256_CM_HMAC_SHA1_80": 46, "AES_256_CM_HMAC_SHA1_32": 46},
}
SUITE = "AES_CM_128_HMAC_SHA1_80"


def keys(suite: str = SUITE, send: int = 1, receive: int = 2) -> SrtpKeys:
    return SrtpKeys(suite, bytes([send]) * LENGTHS[suite], bytes([receive]) * LENGTHS[suite])


def turned(of: SrtpKeys) -> SrtpKeys:
    return SrtpKeys(of.suite, of.receive_key, of.send_key)


def heard(of: RtpSession) -> int:
    return sum(isinstance(event, AudioPayload) for event in events(of))


def send(far: Srtp, subject: RtpSession, *numbers: int, ssrc: int = FAR_SSRC) -> None:
    for number in numbers:
        (data,) = far.protect([audio(number, ssrc=ssrc)])
        subject.receive_rtp(data, REMOTE, START + number * 0.02)


@pytest.mark.parametrize("suite", [*PROFILES, *WIDENED])
def test_both_directions_of_every_suite(suite: str) -> None:
    ours = keys(suite)
    subject, far = session(srtp=ours), Srtp(turned(ours))
    send(far, subject, *range(5))
    assert heard(subject) == 5
    subject.play(b"\x55" * 480, START)
    for number in range(3):
        subject.tick(START + number * 0.02)
    sent = [data for data, _ in subject.rtp_to_send()]
    assert len(sent) == 3
    for data in sent:
        assert b"\x55" * 8 not in data
        opened = far.unprotect(data)
        assert opened is not None
        assert opened.endswith(b"\x55" * 160)
    subject.close(START + 1)
    reports = subject.rtcp_to_send()
    assert reports
    assert all(far.unprotect_rtcp(data) is not None for data, _ in reports)
    stats = subject.stats()
    assert (stats.srtp, stats.srtp_rejected, stats.srtp_replayed, stats.malformed) == (1, 0, 0, 0)


def test_rfc_3711_by_its_own_session_keys() -> None:
    """Appendix B.3 gives the session keys of a master key; §4.1.1 and §4.2.1 then give every byte."""
    master = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139" + "0EC675AD498AFEEBB6960B3AABE6")
    cipher_key = bytes.fromhex("C61E7A93744F39EE10734AFE3FF7A087")
    salt = int.from_bytes(bytes.fromhex("30CBBC08863D8C85D49DB34A9AE1"))
    auth_key = bytes.fromhex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    plain = audio(3, sequence=500)
    header, payload = plain[:12], plain[12:]
    start = (salt << 16) ^ (FAR_SSRC << 64) ^ (503 << 16)
    encryptor = Cipher(algorithms.AES(cipher_key), modes.CTR(start.to_bytes(16))).encryptor()
    encrypted = header + encryptor.update(payload)
    tag = hmac.new(auth_key, encrypted + bytes(4), hashlib.sha1).digest()[:10]
    (made,) = Srtp(SrtpKeys(SUITE, master, bytes(30))).protect([plain])
    assert made == encrypted + tag
    assert Srtp(SrtpKeys(SUITE, bytes(30), master)).unprotect(made) == plain


@pytest.mark.parametrize(("suite", "tag_bytes"), [("AES_256_CM_HMAC_SHA1_80", 10), ("AES_256_CM_HMAC_SHA1_32", 4)])
def test_rfc_6188_by_its_own_derivation(suite: str, tag_bytes: int) -> None:
    """RFC 3711 §4.3.1 with AES-256: the session keys are the key stream that begins with the salt and the label."""
    key, salt = bytes(range(32)), bytes(range(100, 114))
    plain = audio(3, sequence=500)

    def stream(of: bytes, start: int, data: bytes) -> bytes:
        return Cipher(algorithms.AES(of), modes.CTR(start.to_bytes(16))).encryptor().update(data)

    def derived(label: int, size: int) -> bytes:
        return stream(key, (int.from_bytes(salt) ^ label << 48) << 16, bytes(size))

    start = (int.from_bytes(derived(2, 14)) << 16) ^ (FAR_SSRC << 64) ^ (503 << 16)
    encrypted = plain[:12] + stream(derived(0, 32), start, plain[12:])
    tag = hmac.new(derived(1, 20), encrypted + bytes(4), hashlib.sha1).digest()[:tag_bytes]
    (made,) = Srtp(SrtpKeys(suite, key + salt, bytes(46))).protect([plain])
    assert made == encrypted + tag
    assert Srtp(SrtpKeys(suite, bytes(46), key + salt)).unprotect(made) == plain


def test_nothing_of_others_is_heard() -> None:
    subject, stranger = session(srtp=keys()), Srtp(keys(send=9))
    send(stranger, subject, *range(50))
    for number in range(50):
        subject.receive_rtp(audio(number), REMOTE, START)  # in the clear
    subject.receive_rtp(b"", REMOTE, START)
    subject.receive_rtp(bytes(1_500), REMOTE, START)
    (report,) = stranger.protect_rtcp([bytes.fromhex("81c90007") + bytes(28)])
    subject.receive_rtcp(report, REMOTE_RTCP, START)
    stats = subject.stats()
    assert heard(subject) == 0
    assert stats.srtp_rejected == 103
    assert (stats.last_received_at, stats.packets_received) == (None, 0), "the media watch has to end the call"


def test_stun_is_not_taken_for_media_of_others() -> None:
    subject, far = session(srtp=keys()), Srtp(turned(keys()))
    request = bytes.fromhex("000100002112a442") + bytes(12)
    send(far, subject, 0, 1)
    subject.receive_rtp(request, REMOTE, START)
    subject.receive_rtcp(request, REMOTE_RTCP, START)
    assert heard(subject) == 2
    assert (subject.stats().stun, subject.stats().srtp_rejected) == (2, 0)


def test_a_replayed_packet_is_dropped() -> None:
    subject, far = session(srtp=keys()), Srtp(turned(keys()))
    (data,) = far.protect([audio(0)])
    for _ in range(10):
        subject.receive_rtp(data, REMOTE, START)
    assert heard(subject) == 1
    assert (subject.stats().srtp_replayed, subject.stats().duplicate) == (9, 0)


def test_a_new_ssrc_and_sequence_numbers_that_wrap() -> None:
    subject, far = session(srtp=keys()), Srtp(turned(keys()))
    for index in range(200):
        (data,) = far.protect([audio(index, sequence=65_436)])
        subject.receive_rtp(data, REMOTE, START + index * 0.02)
    assert heard(subject) == 200
    for index in range(200, 220):
        (data,) = far.protect([audio(index, ssrc=7)])
        subject.receive_rtp(data, REMOTE, START + index * 0.02)
    assert heard(subject) >= 18
    assert subject.stats().srtp_rejected == 0


def test_a_new_key_takes_over_without_a_gap() -> None:
    before, after = keys(), keys(send=3, receive=4)
    subject, old, new = session(srtp=before), Srtp(turned(before)), Srtp(turned(after))
    send(old, subject, 0, 1)
    subject.reconfigure(config(srtp=after), START)
    send(old, subject, 2, 3)  # on their way when our answer left
    send(new, subject, 4, 5)
    assert heard(subject) == 6
    send(old, subject, 6)
    assert heard(subject) == 0
    assert subject.stats().srtp_rejected == 1
    subject.play(bytes(160), START)
    subject.tick(START)
    ((data, _),) = subject.rtp_to_send()
    assert old.unprotect(data) is None
    assert new.unprotect(data) is not None


def test_a_key_that_stays_goes_on() -> None:
    """Beginning anew would encrypt other packets with the same key stream, and take old ones twice."""
    subject, far = session(srtp=keys()), Srtp(turned(keys()))
    (first,) = far.protect([audio(0)])
    subject.receive_rtp(first, REMOTE, START)
    subject.reconfigure(config(srtp=keys(), ptime_ms=40), START)
    subject.receive_rtp(first, REMOTE, START)
    assert subject.stats().srtp_replayed == 1
    replaced = Srtp(keys(send=3), Srtp(keys()))
    assert replaced.unprotect(first) == audio(0)


def test_encryption_that_begins_in_a_call() -> None:
    subject, far = session(), Srtp(turned(keys()))
    subject.receive_rtp(audio(0), REMOTE, START)
    subject.reconfigure(config(srtp=keys()), START)
    subject.receive_rtp(audio(1), REMOTE, START + 0.02)
    send(far, subject, 1)
    assert heard(subject) == 2
    # The pump may take it over, with libsrtp's functions.
    assert subject.sealing is not None and all(subject.sealing)
    assert subject.opening is not None and all(subject.opening)


def test_the_pump_waits_until_the_old_key_is_over() -> None:
    far, subject = Srtp(turned(keys())), Srtp(keys(receive=9), Srtp(keys()))
    assert subject.sealing is not None
    assert subject.opening is None
    assert subject.unprotect(far.protect([audio(0)])[0]) == audio(0)
    assert subject.opening is None
    assert subject.unprotect(Srtp(turned(keys(receive=9))).protect([audio(1)])[0]) == audio(1)
    assert subject.opening is not None


@pytest.mark.parametrize("wrong", [SrtpKeys("F8_128_HMAC_SHA1_80", bytes(30), bytes(30)), SrtpKeys(SUITE, b"", b"")])
def test_keys_that_cannot_be_used(wrong: SrtpKeys) -> None:
    with pytest.raises(LocalError):
        session(srtp=wrong)
    subject = session(srtp=keys())
    with pytest.raises(LocalError):
        subject.reconfigure(config(srtp=wrong), START)
    assert subject.stats().srtp == 1

"""Troubles that were planted in calls, each found and named; and nothing found where there is none."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offhook.qa.findings import KINDS, Finding, Limits, Severity, worst_first
from offhook.telephony.tones import dtmf
from tests.offhook.qa.wire import (
    START_S,
    Dialog,
    Packet,
    audio,
    both_ways,
    judged,
    kinds,
    press,
    sdp,
    speech,
    with_key,
)

PRIVATE = ("192.168.1.20", 4_000)


def troubles(findings: list[Finding]) -> list[str]:
    return [each.kind for each in findings if each.is_trouble]


def only(findings: list[Finding], kind: str) -> Finding:
    assert troubles(findings) == [kind], "\n".join(each.render() for each in findings)
    return next(each for each in findings if each.kind == kind)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_a_clean_call(tmp_path: Path, codec: str) -> None:
    number = {"PCMU": 0, "PCMA": 8}[codec]
    formats = (f"{number} {codec}/8000", "101 telephone-event/8000")
    dialog = Dialog(offer=sdp(("198.51.100.7", 4_000), *formats), answer=sdp(("203.0.113.5", 5_000), *formats))
    caller, callee = both_ways(dialog, codec=codec)
    assert judged([*dialog.packets(), *with_key(caller, "5", 100), *callee], tmp_path) == []


def test_one_way_audio(tmp_path: Path) -> None:
    dialog = Dialog()
    _, callee = both_ways(dialog)
    found = only(judged([*dialog.packets(), *callee], tmp_path), "one_way_audio")
    assert found.severity is Severity.FAULT and found.call == 1
    assert "the callee hears nothing" in found.what and "203.0.113.5:5000" in found.why and "500 packets" in found.why


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_one_way_that_was_agreed_on(tmp_path: Path, direction: str) -> None:
    dialog = Dialog(answer=sdp(("203.0.113.5", 5_000), attributes=(direction,)))
    _, callee = both_ways(dialog)
    assert troubles(judged([*dialog.packets(), *callee], tmp_path)) == []


def test_a_call_without_media_beside_one_with(tmp_path: Path) -> None:
    dialog, other = (
        Dialog(),
        Dialog(call_id="two", caller_media=("198.51.100.7", 4_010), callee_media=("203.0.113.5", 5_010)),
    )
    caller, callee = both_ways(dialog)
    found = only(judged([*dialog.packets(), *caller, *callee, *other.packets()], tmp_path), "no_media")
    assert found.call == 2
    assert kinds(judged(dialog.packets(), tmp_path)) == ["no_rtp_captured"]


def test_a_private_address_in_the_description_and_in_the_contact(tmp_path: Path) -> None:
    dialog = Dialog(offer=sdp(PRIVATE), contact=PRIVATE[0])
    caller, callee = both_ways(dialog)
    found = judged([*dialog.packets(), *caller, *callee], tmp_path)
    assert troubles(found) == ["private_address_in_sdp", "private_address_in_contact"]
    assert "192.168.1.20:4000" in found[0].what and "198.51.100.7" in found[0].why
    # What is sent to the private address is lost behind the capture: it is one-way audio for the caller's end.
    lost = [replace(each, destination=PRIVATE) for each in callee]
    assert troubles(judged([*dialog.packets(), *lost], tmp_path))[0] == "one_way_audio"


def test_private_addresses_among_themselves_are_no_trouble(tmp_path: Path) -> None:
    dialog = Dialog(("10.0.0.7", 5_060), ("192.168.7.5", 5_060), ("10.0.0.7", 4_000), ("192.168.7.5", 5_000))
    caller, callee = both_ways(dialog)
    assert judged([*dialog.packets(), *caller, *callee], tmp_path) == []


def test_media_from_elsewhere(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    moved = [replace(each, source=("198.51.100.99", 4_000)) for each in caller]
    assert (
        "198.51.100.99:4000" in only(judged([*dialog.packets(), *moved, *callee], tmp_path), "rtp_from_elsewhere").what
    )
    another_port = [replace(each, source=("198.51.100.7", 4_444)) for each in caller]
    assert kinds(judged([*dialog.packets(), *another_port, *callee], tmp_path)) == ["rtp_from_another_port"]


def test_a_codec_that_was_not_agreed_on(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, _ = both_ways(dialog)
    _, callee = both_ways(dialog, codec="PCMA")
    found = only(judged([*dialog.packets(), *caller, *callee], tmp_path), "wrong_codec")
    assert found.what == "the callee sends PCMA, which was not agreed on" and "PCMU" in found.why
    # What only the offer has was not agreed on either.
    wide = Dialog(offer=sdp(("198.51.100.7", 4_000), "0 PCMU/8000", "8 PCMA/8000", "101 telephone-event/8000"))
    only(judged([*wide.packets(), *caller, *callee], tmp_path), "wrong_codec")


@pytest.mark.parametrize("seed", range(3))
def test_two_percent_of_loss(tmp_path: Path, seed: int) -> None:
    dialog, chance = Dialog(ended_s=30.3), random.Random(seed)
    caller, callee = both_ways(dialog, 30.0)
    numbers = set(chance.sample(range(1, 1_499), 30))
    left = [each for number, each in enumerate(caller) if number not in numbers]
    found = judged([*dialog.packets(), *left, *callee], tmp_path)
    assert "loss" in troubles(found) and set(troubles(found)) <= {"loss", "gaps"}
    assert found[-1].what.startswith("2.0% of the caller's RTP") and "30 of 1500" in found[-1].why


def test_heavy_loss(tmp_path: Path) -> None:
    dialog, chance = Dialog(), random.Random(5)
    caller, callee = both_ways(dialog)
    left = [each for each in caller if chance.random() > 0.15]
    found = troubles(judged([*dialog.packets(), *left, *callee], tmp_path))
    assert found[0] == "heavy_loss" and {"bad_quality", "poor_quality"} & set(found)


def test_a_burst_of_losses_in_a_long_call(tmp_path: Path) -> None:
    dialog = Dialog(ended_s=20.3)
    caller, callee = both_ways(dialog, 20.0)
    found = troubles(judged([*dialog.packets(), *caller[:500], *caller[506:], *callee], tmp_path))
    assert sorted(found) == ["gaps", "loss_in_bursts"]


@pytest.mark.parametrize("ppm", [200.0, -200.0])
def test_a_clock_that_drifts(tmp_path: Path, ppm: float) -> None:
    dialog = Dialog(ended_s=40.3)
    caller, _ = both_ways(dialog, 40.0)
    callee = audio(speech(40.0), dialog.callee_media, dialog.caller_media, drift_ppm=ppm, ssrc=0xB, jitter_ms=4.0)
    found = only(judged([*dialog.packets(), *caller, *callee], tmp_path), "clock_drift")
    assert ("too slow" if ppm > 0 else "too fast") in found.what
    assert abs(float(found.what.split(" is ")[1].split()[0]) - 200) < 30


def test_a_gap_of_60_ms(tmp_path: Path) -> None:
    """The sender stands still and goes on where it was: nothing is lost, and 60 ms are silent."""
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    late = [replace(each, at_s=each.at_s + 0.06) for each in callee[200:]]
    found = only(judged([*dialog.packets(), *caller, *callee[:200], *late], tmp_path), "gaps")
    assert "a gap" in found.what and "60 ms" in found.what and "stood still" in found.why
    assert found.at_s == pytest.approx(START_S + 0.15 + 4.0, abs=0.01)


def test_silence_suppression_and_hold_are_no_gaps(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    marked = replace(callee[300], payload=bytes((0x80, 0x80)) + callee[300].payload[2:])
    paused = [each for number, each in enumerate(callee) if not 200 <= number <= 300] + [marked]
    # A talk spurt begins with a marker, and its sequence goes on.
    renumbered: list[Packet] = []
    for each in sorted(paused, key=lambda one: one.at_s):
        number = (65_500 + len(renumbered)) & 0xFFFF
        renumbered.append(replace(each, payload=each.payload[:2] + number.to_bytes(2, "big") + each.payload[4:]))
    assert judged([*dialog.packets(), *caller, *renumbered], tmp_path) == []
    held = dialog.message("INVITE sip:bot@203.0.113.5 SIP/2.0", "3 INVITE", sdp(dialog.caller_media))
    dialog.extra.append(Packet(START_S + 5.0, dialog.caller, dialog.callee, held))
    stopped = [replace(each, at_s=each.at_s + 0.5) for each in callee[240:]]
    assert judged([*dialog.packets(), *caller, *callee[:240], *stopped], tmp_path) == []


def test_clipping(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, _ = both_ways(dialog)
    loud = (np.frombuffer(speech(10.0), "<i2").astype(float) * 30).clip(-32_768, 32_767).astype("<i2").tobytes()
    callee = audio(loud, dialog.callee_media, dialog.caller_media, ssrc=0xB)
    found = judged([*dialog.packets(), *caller, *callee], tmp_path)
    assert troubles(found)[0] == "clipping" and set(troubles(found)) <= {"clipping", "too_loud"}
    assert "the callee's RTP" in found[0].what


def test_silence(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, _ = both_ways(dialog)
    callee = audio(bytes(160_000), dialog.callee_media, dialog.caller_media, ssrc=0xB)
    assert "the callee's RTP" in only(judged([*dialog.packets(), *caller, *callee], tmp_path), "silence").what


def test_who_presses_keys_may_be_silent(tmp_path: Path) -> None:
    dialog = Dialog()
    _, callee = both_ways(dialog)
    caller = audio(bytes(160_000), dialog.caller_media, dialog.callee_media, ssrc=0xA)
    assert troubles(judged([*dialog.packets(), *caller, *callee], tmp_path)) == ["silence"]
    assert troubles(judged([*dialog.packets(), *with_key(caller, "5", 200), *callee], tmp_path)) == []
    body = "Signal=7\r\nDuration=160\r\n"
    info = dialog.message("INFO sip:bot@203.0.113.5 SIP/2.0", "3 INFO", body, kind="application/dtmf-relay")
    dialog.extra.append(Packet(START_S + 5.0, dialog.caller, dialog.callee, info))
    assert troubles(judged([*dialog.packets(), *caller, *callee], tmp_path)) == []


@pytest.mark.parametrize(("factor", "kind"), [(0.02, "too_quiet"), (6.0, "too_loud")])
def test_levels(tmp_path: Path, factor: float, kind: str) -> None:
    dialog = Dialog()
    caller, _ = both_ways(dialog)
    scaled = np.frombuffer(speech(10.0), "<i2").astype(float) * factor
    callee = audio(
        scaled.clip(-32_000, 32_000).astype("<i2").tobytes(), dialog.callee_media, dialog.caller_media, ssrc=0xB
    )
    assert kind in troubles(judged([*dialog.packets(), *caller, *callee], tmp_path))


def test_jitter(tmp_path: Path) -> None:
    dialog, chance = Dialog(), random.Random(3)
    caller, callee = both_ways(dialog)
    shaken = [replace(each, at_s=each.at_s + chance.random() * 0.1) for each in callee]
    assert "jitter" in troubles(judged([*dialog.packets(), *caller, *shaken], tmp_path))


def test_order_and_duplicates(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    twice = [replace(each, at_s=each.at_s + 0.005) for each in callee[::20]]
    assert troubles(judged([*dialog.packets(), *caller, *callee, *twice], tmp_path)) == ["duplicates"]
    overtaken = [replace(each, at_s=each.at_s + 0.03) if n % 20 == 5 else each for n, each in enumerate(callee)]
    assert "reordered" in troubles(judged([*dialog.packets(), *caller, *overtaken], tmp_path))


# --- keys


def test_a_dtmf_without_end(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    found = only(
        judged([*dialog.packets(), *with_key(caller, "7", 100, ends=0), *callee], tmp_path), "dtmf_without_end"
    )
    assert found.what.endswith(": 7")


def test_a_key_that_comes_twice(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    once = with_key(caller, "7", 100)
    found = only(judged([*dialog.packets(), *with_key(once, "7", 108), *callee], tmp_path), "dtmf_doubled")
    assert found.what.endswith(": 7")
    later = with_key(once, "7", 120)
    assert judged([*dialog.packets(), *later, *callee], tmp_path) == [], "the same key again, after a while"


def test_keys_in_two_ways(tmp_path: Path) -> None:
    dialog = Dialog()
    _, callee = both_ways(dialog)
    pcm = speech(10.0)
    tone = dtmf("7", tone_ms=120)
    mixed = pcm[:40_000] + tone + pcm[40_000 + len(tone) :]
    caller = audio(mixed, dialog.caller_media, dialog.callee_media, ssrc=0xA)
    assert only(judged([*dialog.packets(), *caller, *callee], tmp_path), "dtmf_in_audio").what.endswith(": 7")
    both = with_key(caller, "7", 140)
    found = only(judged([*dialog.packets(), *both, *callee], tmp_path), "dtmf_two_ways")
    assert "7 as events" in found.what and "7 as tones" in found.what
    body = "Signal=7\r\nDuration=100\r\n"
    info = dialog.message("INFO sip:bot@203.0.113.5 SIP/2.0", "3 INFO", body, kind="application/dtmf-relay")
    dialog.extra.append(Packet(START_S + 3.0, dialog.caller, dialog.callee, info))
    assert "7 as INFO" in judged([*dialog.packets(), *both, *callee], tmp_path)[0].what


def test_events_that_nobody_agreed_to(tmp_path: Path) -> None:
    dialog = Dialog(answer=sdp(("203.0.113.5", 5_000), "0 PCMU/8000"))
    caller, callee = both_ways(dialog)
    only(judged([*dialog.packets(), *with_key(caller, "7", 100), *callee], tmp_path), "dtmf_not_agreed")


def test_a_key_whose_timestamp_moves(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    pressed = press("9", caller, 100)
    moving = []
    for step, each in enumerate(pressed):
        timestamp = int.from_bytes(each.payload[4:8], "big") + min(step, 5) * 160
        moving.append(replace(each, payload=each.payload[:4] + timestamp.to_bytes(4, "big") + each.payload[8:]))
    found = judged([*dialog.packets(), *caller[:100], *moving, *callee], tmp_path)
    assert troubles(found) == ["dtmf_timestamps"]


# --- signalling


def test_late_messages(tmp_path: Path) -> None:
    dialog = Dialog(trying_s=0.8, ringing_s=None, answered_s=6.0, acked_s=6.9, ended_s=16.3)
    caller, callee = both_ways(dialog)
    found = judged([*dialog.packets(), *caller, *callee], tmp_path)
    assert troubles(found) == ["late_first_response", "late_ringing", "late_ack"]
    assert "0.80 s" in found[0].what and "6.0 s" in found[1].what and "0.90 s" in found[2].what


def test_a_late_answer(tmp_path: Path) -> None:
    dialog = Dialog(answered_s=12.0, acked_s=12.1, ended_s=22.3)
    packets = [*dialog.packets(), *(each for way in both_ways(dialog) for each in way)]
    assert judged(packets, tmp_path) == []
    assert "12.0 s" in only(judged(packets, tmp_path, Limits(answer_s=5.0)), "late_answer").what


def test_messages_that_are_sent_again(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    packets = dialog.packets()
    answer = packets[3]
    again = [replace(answer, at_s=answer.at_s + after_s) for after_s in (0.5, 1.5)]
    found = only(judged([*packets, *again, *caller, *callee], tmp_path), "retransmissions")
    assert "200 (INVITE) by 203.0.113.5:5060 3 times in 1.5 s" in found.why
    assert kinds(judged([*packets, again[0], *caller, *callee], tmp_path)) == ["retransmission"]
    copy = replace(answer, at_s=answer.at_s + 0.0001)
    assert judged([*packets, copy, *caller, *callee], tmp_path) == [], "captured twice, sent once"


def test_no_ack_no_bye_and_a_bye_without_answer(tmp_path: Path) -> None:
    dialog = Dialog(acked_s=None)
    packets = [each for way in both_ways(dialog) for each in way]
    only(judged([*dialog.packets(), *packets], tmp_path), "no_ack")
    endless, later = Dialog(ended_s=None), Dialog(call_id="two", status="486 Busy Here", answered_s=25.0, ended_s=None)
    later.trying_s = later.ringing_s = None
    others = [replace(each, at_s=each.at_s + 24.9) for each in later.packets() if each.at_s < START_S + 20]
    only(judged([*endless.packets(), *packets, *others], tmp_path), "no_bye")
    unanswered = Dialog(bye_answered=False)
    only(judged([*unanswered.packets(), *packets, *others], tmp_path), "bye_not_answered")


def test_media_after_the_end(tmp_path: Path) -> None:
    dialog = Dialog(ended_s=6.0)
    caller, callee = both_ways(dialog)
    found = only(judged([*dialog.packets(), *caller[:290], *callee], tmp_path), "rtp_after_bye")
    assert "203.0.113.5:5000" in found.what


@pytest.mark.parametrize(
    ("status", "is_trouble"), [("488 Not Acceptable Here", True), ("503 Full", True), ("486 Busy Here", False)]
)
def test_refusals(tmp_path: Path, status: str, is_trouble: bool) -> None:
    found = judged(Dialog(status=status, ended_s=None).packets(), tmp_path)
    assert troubles(found) == (["refused"] if is_trouble else [])
    if status.startswith("488"):
        assert "PCMU was offered" in found[0].why


def test_encrypted_media(tmp_path: Path) -> None:
    crypto = ("crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm",)
    offer, answer = (
        sdp(media, protocol="RTP/SAVP", attributes=crypto)
        for media in (("198.51.100.7", 4_000), ("203.0.113.5", 5_000))
    )
    dialog = Dialog(offer=offer, answer=answer)
    caller, callee = both_ways(dialog)
    noise = random.Random(1)
    hidden = [replace(each, payload=each.payload[:12] + noise.randbytes(170)) for each in (*caller, *callee)]
    assert kinds(judged([*dialog.packets(), *hidden], tmp_path)) == ["encrypted_media"]


def test_media_without_signalling(tmp_path: Path) -> None:
    dialog = Dialog()
    caller, callee = both_ways(dialog)
    assert judged([*caller, *callee], tmp_path) == []
    assert kinds(judged(callee, tmp_path)) == ["one_direction"]
    left = [each for number, each in enumerate(callee) if number % 40]
    assert "loss" in kinds(judged([*caller, *left], tmp_path))


# --- findings as such


def test_every_finding_has_its_parts_and_its_place_in_the_order() -> None:
    findings = [Finding(kind, "what", "why", "todo") for kind in reversed(KINDS)]
    ordered = worst_first(findings)
    assert [each.kind for each in ordered] == list(KINDS)
    severities = [list(Severity).index(each.severity) for each in ordered]
    assert severities == sorted(severities)
    assert ordered[0].render() == "FAULT   what  [one_way_audio]\n  why:  why\n  do:   todo"
    assert Finding("loss", "a\x1b[31m", "why", "todo", call=3).render().startswith("WARNING call 3: a\\x1b[31m")


def test_the_page_explains_every_trouble() -> None:
    page = (Path(__file__).parents[4] / "docs" / "qa.md").read_text(encoding="utf-8")
    missing = [kind for kind, severity in KINDS.items() if severity is not Severity.NOTE and f"`{kind}`" not in page]
    assert not missing

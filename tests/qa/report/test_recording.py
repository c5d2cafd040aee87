"""What was recorded of a call: the sides in their places, WAV, pcap."""

import io
import wave
from dataclasses import replace

import numpy as np
import pytest

from offhook.qa.caller import recorder
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.report.recording import placed
from offhook.qa.report.waits import waits_of
from offhook.qa.report.waveform import levels, scale_of, waveform
from offhook.telephony.pcm import to_array
from offhook.telephony.tones import silence, tones
from tests.offhook.records.pcapfile import read
from tests.qa.report.made_up import BOT_END, CALLER_END, recording

FRAME = tones((500,), 20)


def test_pieces_are_heard_as_they_come() -> None:
    on_time = [(0.1 + 0.02 * n, FRAME) for n in range(5)]
    assert placed(on_time) == silence(100) + 5 * FRAME
    late = [(at_s + (0.06 if n >= 2 else 0.0), piece) for n, (at_s, piece) in enumerate(on_time)]
    assert placed(late) == silence(100) + 2 * FRAME + silence(60) + 3 * FRAME
    burst = [(0.1, FRAME)] * 3
    assert placed(burst) == silence(100) + 3 * FRAME, "one after the other"
    jittered = [(at_s + (0.004 if n % 2 else 0.0), piece) for n, (at_s, piece) in enumerate(on_time)]
    assert placed(jittered) == placed(on_time), "timers make no holes"
    assert placed([]) == b""


def test_the_wav_has_the_caller_left_and_the_bot_right() -> None:
    call = recording()
    with wave.open(io.BytesIO(call.wav())) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 8_000, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    assert np.array_equal(both[:, 0], to_array(call.caller)) and np.array_equal(both[:, 1], to_array(call.bot))


def test_the_pcap_has_signalling_and_media_in_the_order_of_time() -> None:
    call = recording()
    found = read(call.pcap())
    assert len(found) == len(call.packets) + len(call.messages)
    times = [each.at_s for each in found]
    assert times == sorted(times)
    first = found[0]
    assert first.payload.startswith(b"INVITE") and abs(first.at_s - call.began_s) < 1e-5
    ways = {(each.source, each.destination) for each in found if each.payload[0] == 0x80}
    assert ways == {(CALLER_END, BOT_END), (BOT_END, CALLER_END)}


def test_keys_of_encrypted_media_are_in_no_pcap() -> None:
    call = recording()
    secret = b"inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
    message = call.messages[0]
    data = message.data + b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + secret + b"\r\n"
    keyed = replace(call, packets=(), messages=(replace(message, data=data),))
    assert b"AES_CM_128" in keyed.pcap() and secret not in keyed.pcap()


def test_a_recorder_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_PACKET_BYTES", 1_000)
    full = LineRecorder()
    for _ in range(10):
        full.packet(0.0, bytes(100), CALLER_END, BOT_END)
    assert (len(full.packets), full.left_out) == (6, 4)


def test_waits_are_in_parts_that_sum_up() -> None:
    set_up, answer, barge_in = waits_of(recording().seen)
    assert [name for name, _ in set_up.parts] == ["first response", "ringing", "answer", "first sound"]
    assert round(set_up.total_ms) == 300
    assert answer.what.startswith("answer to") and round(answer.total_ms) == round(
        1_000 * (8.0 - recording().seen.sounds[0].ended_s)
    )
    assert barge_in.what == "interrupted by 12" and round(barge_in.total_ms) == 200


def test_levels_are_loud_where_there_is_sound() -> None:
    pcm = silence(100) + tones((500,), 100) + silence(100)
    found = levels(pcm, 40, 80.0)
    assert not found[:10].any() and (found[10:20] > 0.5).all() and not found[20:].any()
    assert not levels(b"", 5, 80.0).any()


def test_a_long_call_s_picture_has_a_limit() -> None:
    for seconds in (0.1, 5.0, 60.0, 600.0, 7_200.0):
        assert seconds * scale_of(seconds) <= max(12_000, 2.0 * seconds)
    drawn = waveform(recording(), ())
    assert drawn.count("<path") == 2 and "200 ms" not in drawn and "a gap of 40 ms" in drawn

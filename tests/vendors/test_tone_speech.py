"""Speech that a program can read, whatever is left of it."""

import numpy as np
import pytest

from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.codec.base import Codec
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak, text_in

RATE_HZ = 8_000
TEXT = "It is ten dollars."


@pytest.mark.parametrize("law", [PCMU, PCMA])
def test_what_was_spoken_is_read(law: Codec) -> None:
    assert text_in(law.decode(law.encode(bytes(999) + bytes(1) + speak(TEXT, RATE_HZ) + bytes(500))), RATE_HZ) == TEXT


@pytest.mark.parametrize("peak", [1, 250, 251, 600, 999, 1_000, 1_001])
def test_sounds_of_any_level_come_to_an_end(peak: int) -> None:
    click = np.full(40, peak, "<i2").tobytes()
    assert text_in(click + bytes(4_000) + speak(TEXT, RATE_HZ), RATE_HZ).endswith(TEXT)
    assert text_in(speak(TEXT, RATE_HZ) + bytes(4_000) + click + bytes(4_000), RATE_HZ).startswith(TEXT)


def test_speech_that_is_cut_anywhere_is_read_up_to_there() -> None:
    whole = speak(TEXT, RATE_HZ)
    for samples in range(0, len(whole) // 2, 37):
        read = text_in(whole[: 2 * samples], RATE_HZ)
        complete = TEXT[: samples // (RATE_HZ * MS_PER_CHARACTER // 1000)].rstrip()
        assert read.startswith(complete) and len(read) <= len(complete) + 2  # a space, and part of a character


@pytest.mark.parametrize("change", ["repeated", "left out", "silence"])
def test_what_a_jitter_buffer_does_to_a_packet_changes_no_letter(change: str) -> None:
    pcm, packet = PCMU.decode(PCMU.encode(speak(TEXT, RATE_HZ))), 2 * RATE_HZ // 50
    for at in range(packet, len(pcm) - packet, packet):
        put_in = {"repeated": pcm[at - packet : at], "left out": b"", "silence": bytes(2 * packet)}[change]
        read = text_in(pcm[:at] + put_in + pcm[at + packet * (change == "left out") :], RATE_HZ)
        if change == "silence":  # between two characters it is a space
            assert read.replace(" ", "") == TEXT.replace(" ", "")
        else:
            assert read == TEXT

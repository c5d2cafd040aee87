"""What the callers of the test kit take for one talk spurt of the bot."""

import pytest

from offhook.testing import sip_caller
from offhook.testing.sip_caller import SpeechMeter

LOUD, QUIET = bytes((0, 64)) * 160, bytes(320)


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> SpeechMeter:
    """One whose clock is `now`."""
    monkeypatch.setattr(sip_caller, "monotonic", lambda: now[0])
    return SpeechMeter()


now = [0.0]


def hear(meter: SpeechMeter, pcm: bytes, seconds: float) -> None:
    for _ in range(round(seconds / 0.02)):
        meter.on_audio(pcm, 0, now[0])
        now[0] += 0.02


def test_a_pause_within_a_sentence_is_no_end(meter: SpeechMeter) -> None:
    for pcm, seconds in ((LOUD, 1.0), (QUIET, 0.6), (LOUD, 1.0)):
        hear(meter, pcm, seconds)
    assert meter.runs == 1
    hear(meter, QUIET, 0.8)
    hear(meter, LOUD, 0.1)
    assert meter.runs == 2


def test_the_answer_to_an_interruption_is_another(meter: SpeechMeter) -> None:
    """A short word is answered before the pause that usually ends a talk spurt."""
    hear(meter, LOUD, 1.0)
    meter.interrupt()
    hear(meter, LOUD, 0.12)
    hear(meter, QUIET, 0.6)
    hear(meter, LOUD, 1.0)
    hear(meter, QUIET, 0.6)
    hear(meter, LOUD, 1.0)
    assert meter.runs == 2

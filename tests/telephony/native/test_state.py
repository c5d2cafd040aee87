"""The state that crosses between a session and the pump is the same on both sides, field by field."""

import math
from types import SimpleNamespace

import pytest

from offhook.telephony.native import media
from offhook.telephony.rtp.handover import ReceiveState, SendState

pytestmark = pytest.mark.skipif(media is None, reason="the native module was not built")

LIMITS = (1_500, 1_000, 20.0, 120.0, 60.0, 500.0, 5.0)
SOURCE = ("127.0.0.1", 4_000)

RECEIVE = ReceiveState(
    ssrc=0xFFFFFFFF, payload_type=8, highest=70_000, received=3, next_timestamp=0xFFFFFF60, packets=4, octets=640,
    rejected_source=5, last_at=1.5, window_end=2.5, window_left=6, jitter_ticks=7.25, jitter_arrival=8.5,
    jitter_timestamp=9, packet_ticks=160, arrival=10.5, position=11, budget=12.5, budget_at=13.5, spike_hold_s=0.125,
    spike_hold_until=14.5,
)  # fmt: skip
SEND = SendState(
    ssrc=1, payload_type=0, silence=0xFF, noise_payload_type=-1, noise_level=70, send=True, marker=False, ran_dry=True,
    sequence=65_536, timestamp=2**33, clock_now=2.5, clock_timestamp=3, packets=4, octets=5, sent_ticks=6, dropped=7,
    spurt_at=-math.inf, spurt_slots=8, packet_ticks=160, packet_s=0.02, keep_alive_at=math.inf, dry_at=9.5,
    underruns=10, stalls=11,
)  # fmt: skip


def test_what_is_lent_comes_back_field_by_field() -> None:
    assert media is not None
    stream = media.Pump().add(-1, LIMITS)
    assert stream.arm(RECEIVE, False, SOURCE)
    assert ReceiveState(**stream.disarm()) == RECEIVE
    stream.lend(SEND, b"\x55" * 320)
    state, queued = stream.take()
    assert (SendState(**state), queued) == (SEND, b"\x55" * 320)


@pytest.mark.parametrize("field", ReceiveState._fields)
def test_a_field_that_is_missing_is_named(field: str) -> None:
    assert media is not None
    partial = SimpleNamespace(**{name: value for name, value in RECEIVE._asdict().items() if name != field})
    with pytest.raises(AttributeError, match=field):
        media.Pump().add(-1, LIMITS).arm(partial, False, SOURCE)


@pytest.mark.parametrize(("field", "value"), [("ssrc", 2**32), ("ssrc", -1), ("payload_type", 256), ("packets", 2**63)])
def test_a_number_that_does_not_fit_is_refused(field: str, value: int) -> None:
    assert media is not None
    with pytest.raises(OverflowError):
        media.Pump().add(-1, LIMITS).arm(RECEIVE._replace(**{field: value}), False, SOURCE)


def test_a_value_of_another_kind_is_refused() -> None:
    assert media is not None
    odd = SimpleNamespace(**SEND._asdict() | {"packet_s": None})
    with pytest.raises(TypeError):
        media.Pump().add(-1, LIMITS).lend(odd, b"")


@pytest.mark.parametrize(("frame_ticks", "loud_peak"), [(513, 0), (-1, 0), (0, -1), (0, 32_768)])
def test_a_framing_that_cannot_be_is_refused(frame_ticks: int, loud_peak: int) -> None:
    assert media is not None
    with pytest.raises(ValueError, match=r"up to 512|from 0 to 32767"):
        media.Pump().add(-1, LIMITS, frame_ticks, loud_peak)

"""Turns of the far end by level."""

import pytest

from offhook.qa.caller.turns import TurnMeter, loud_blocks
from offhook.telephony.tones import noise, silence, tones

SPEECH, QUIET = tones((300, 1_100), 20), silence(20)


def hear(meter: TurnMeter, packets: list[bytes], from_s: float = 0.0) -> list[str]:
    seen = []
    for number, pcm in enumerate(packets):
        at_s = from_s + 0.02 * number
        late = meter.handle_timer(at_s)
        over, began = meter.hear(pcm, round(8_000 * at_s), at_s)
        seen += [f"over {each.number}" for each in (late, over) if each is not None]
        seen += [f"began {began.number}"] if began is not None else []
    return seen


def test_a_pause_within_a_sentence_ends_no_turn() -> None:
    meter = TurnMeter(0.7)
    packets = [QUIET] * 5 + [SPEECH] * 50 + [QUIET] * 30 + [SPEECH] * 50 + [QUIET] * 40
    assert hear(meter, packets) == ["began 0", "over 0"]
    (turn,) = meter.turns
    assert (round(turn.began_s, 3), round(turn.ended_s, 3)) == (0.1, 2.7)
    assert (turn.began_tick, turn.ended_tick) == (800, 21_600)


def test_after_the_caller_has_spoken_a_short_pause_is_enough() -> None:
    meter = TurnMeter(0.7)
    assert hear(meter, [SPEECH] * 20) == ["began 0"]
    meter.caller_speaks(0.3)
    assert hear(meter, [QUIET] * 9 + [SPEECH] * 20, 0.4) == []
    assert hear(meter, [QUIET] * 15 + [SPEECH] * 20, 0.98) == ["over 0", "began 1"]


@pytest.mark.parametrize(("began_s", "seen"), [(0.3, ["over 0", "began 1"]), (-0.2, [])])
def test_after_a_key_an_even_shorter_one_is_enough_if_the_far_end_stops_then(began_s: float, seen: list[str]) -> None:
    meter = TurnMeter(0.7)
    assert hear(meter, [SPEECH] * 20) == ["began 0"]
    meter.caller_speaks(began_s, by_keys=True)
    assert hear(meter, [QUIET] * 9 + [SPEECH] * 20, 0.4) == seen


def test_a_click_and_an_offset_are_no_speech() -> None:
    click = b"\xff\x7f" + bytes(318)
    offset = b"\x50\x03" * 160
    assert loud_blocks(click) == [True, False]
    assert loud_blocks(offset) == [False, False]
    assert hear(TurnMeter(0.7), [click] + [QUIET] * 20 + [offset] * 20 + [noise(20, level_dbfs=-50)] * 20) == []


def test_a_turn_is_over_when_nothing_comes_any_more() -> None:
    meter = TurnMeter(0.7)
    hear(meter, [SPEECH] * 10)
    assert meter.get_timer() == pytest.approx(0.9)
    assert meter.handle_timer(0.8) is None
    over = meter.handle_timer(0.91)
    assert over is not None and over.number == 0 and meter.flush() is None

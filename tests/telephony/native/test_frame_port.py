"""The frame port without PJSIP: `take` and `give` are what its media clock does."""

import subprocess
import sys
import threading
import time
from typing import Any

import pytest

frames = pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")

FRAME = 320  # octets: 20 ms at 8 kHz


def frame(number: int, octets: int = FRAME) -> bytes:
    return number.to_bytes(2, "little") * (octets // 2)


def port(rate_hz: int = 8_000) -> Any:
    return frames.FramePort(rate_hz, False)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_what_is_written_is_taken_in_order(rate_hz: int) -> None:
    one, octets = port(rate_hz), rate_hz // 25
    assert one.write(b"".join(frame(number, octets) for number in range(1, 4))) == 3
    assert one.waiting() == 3
    before = time.monotonic()
    assert [one.take() for _ in range(4)] == [frame(1, octets), frame(2, octets), frame(3, octets), None]
    taken, at = one.taken()
    assert taken == 3
    assert before <= at <= time.monotonic()
    assert one.counters()["dry"] == 1


def test_there_is_room_for_so_many_frames_and_for_more_once_some_are_taken() -> None:
    one = port()
    assert one.write(frame(1) * (frames.RING_FRAMES + 5)) == frames.RING_FRAMES
    assert one.write(frame(2)) == 0
    assert one.take() == frame(1)
    assert one.write(frame(2)) == 1


def test_what_is_dropped_is_not_taken_any_more() -> None:
    one = port()
    one.write(frame(1) + frame(2) + frame(3))
    one.take()
    assert one.clear() == 2
    assert one.take() is None
    assert (one.taken()[0], one.waiting()) == (1, 0)
    one.write(frame(4))
    assert one.take() == frame(4)


def test_what_was_dropped_makes_room_at_the_next_tick() -> None:
    one = port()
    one.write(frame(1) * frames.RING_FRAMES)
    assert one.clear() == frames.RING_FRAMES
    assert one.take() is None
    assert one.write(frame(2) * frames.RING_FRAMES) == frames.RING_FRAMES
    assert one.take() == frame(2)


def test_each_frame_is_either_taken_or_dropped_whatever_the_clock_does_meanwhile() -> None:
    one, stop = port(), threading.Event()
    taken: list[bytes] = []

    def clock() -> None:
        while not stop.is_set() or one.waiting():
            if (found := one.take()) is not None:
                taken.append(found)

    thread = threading.Thread(target=clock)
    thread.start()
    written = dropped = 0
    for round_ in range(3_000):
        count = round_ % 7 + 1
        written += one.write(b"".join(frame((written + n) % 65_536) for n in range(count)))
        if round_ % 3 == 0:
            dropped += one.clear()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert one.taken()[0] == len(taken) == written - dropped
    assert dropped
    numbers = [int.from_bytes(each[:2], "little") for each in taken]
    assert all(each == frame(number) for each, number in zip(taken, numbers, strict=True))  # none is torn
    assert numbers == sorted(numbers)  # fewer than 65536 are written


def test_what_is_given_is_read_in_order_and_silence_is_no_gap() -> None:
    one = port()
    for pcm in (frame(1), None, frame(3)):
        one.give(pcm)
    found = [one.read() for _ in range(4)]
    assert [each and each[:2] for each in found] == [(0, frame(1)), (1, bytes(FRAME)), (2, frame(3)), None]
    times = [each[2] for each in found if each is not None]
    assert times == sorted(times)


def test_whether_the_clock_has_ticked_is_known_for_all_ports_together() -> None:
    one, other = port(), port()
    before = frames.given()
    one.give(frame(1))
    other.give(None)
    assert frames.given() == before + 2


def test_what_nobody_reads_is_lost_and_the_ordinals_say_so() -> None:
    one = port()
    for number in range(frames.RING_FRAMES + 10):
        one.give(frame(number))
    read = [one.read() for _ in range(frames.RING_FRAMES)]
    assert [each and each[0] for each in read] == list(range(frames.RING_FRAMES))
    assert one.read() is None
    one.give(frame(7))
    assert one.read()[:2] == (frames.RING_FRAMES + 10, frame(7))
    assert one.counters()["given"] == frames.RING_FRAMES + 11


def test_a_frame_that_is_too_short_or_too_long_does_no_harm() -> None:
    one = port()
    one.give(frame(1)[:100])
    one.give(frame(2, 640))
    assert one.read()[1] == frame(1)[:100] + bytes(220)
    assert one.read()[1] == frame(2)


def test_misuse_is_refused() -> None:
    one = port()
    with pytest.raises(ValueError, match="not whole frames"):
        one.write(bytes(100))
    with pytest.raises(ValueError, match="8000 or 16000 Hz"):
        port(11_025)
    assert not one.connect(0)  # it is in no bridge
    one.close()
    one.close()
    with pytest.raises(ValueError, match="closed"):
        one.take()


def test_only_a_library_that_is_loaded_is_used() -> None:
    with pytest.raises(OSError, match="it is not loaded"):
        frames.open_library("/nowhere/_pjsua2.so")
    with pytest.raises(OSError, match="it has no pjsua_pool_create"):
        frames.open_library(frames.__file__)
    with pytest.raises(OSError, match="it is not loaded"):
        frames.check_descriptions("/nowhere/_pjsua2.so", lambda message, text, stands: 0)
    with pytest.raises(OSError, match="it has no pjsua_get_pjsip_endpt"):
        frames.check_descriptions(frames.__file__, lambda message, text, stands: 0)
    with pytest.raises(OSError, match="it is not loaded"):
        frames.check_headers("/nowhere/_pjsua2.so", lambda message, name, in_dialog: 0)
    with pytest.raises(OSError, match="it has no pjsua_get_pjsip_endpt"):
        frames.check_headers(frames.__file__, lambda message, name, in_dialog: 0)


def test_there_are_no_calls_before_a_library_is_open() -> None:
    script = "from offhook.telephony.native import _frames; print(_frames.calls())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0"]


@pytest.mark.parametrize("use", ["FramePort(8_000)", "set_sending(1, False)", "keep_to(0, 0, None, 0)"])
def test_before_a_library_is_open_nothing_of_it_can_be_used(use: str) -> None:
    script = f"from offhook.telephony.native import _frames; _frames.{use}"  # a process of its own: others open it
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert "OSError: the library is not open" in done.stderr

"""The line over PJSIP, on a port whose clock the test is."""

import time

import pytest

from offhook.carriers.pjsua2.line import FRAME_TICKS, FrameLine, FrameStats
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.dtmf_keys import KeyPath

frames = pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")


class Joined:
    """A port in a bridge of which the test is the clock."""

    def __init__(self, rate_hz: int) -> None:
        self.port = frames.FramePort(rate_hz, False)
        self.slot: int | None = None
        self.connected = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.port, name)

    def connect(self, slot: int) -> bool:
        self.slot = slot
        self.connected += 1
        return True

    def disconnect(self, slot: int) -> bool:
        self.slot = None
        return True


class Far:
    """A line, what its listeners heard, and PJSIP's part."""

    def __init__(self, rate_hz: int = 8_000) -> None:
        self.joined = Joined(rate_hz)
        self.dialled = ""
        self.figures: FrameStats | None = FrameStats()
        self.heard: list[tuple[bytes, int]] = []
        self.sent: list[tuple[bytes, int]] = []
        self.keys: list[str] = []
        self.drained = self.silent = 0
        self.line = FrameLine(
            self.joined,  # type: ignore[arg-type]
            "7",
            rate_hz=rate_hz,
            dial=self._dial,
            measure=lambda call: self.figures,
            media_timeout_s=1.0,
            first_media_timeout_s=2.0,
        )
        self.line.add_listener(
            audio=lambda pcm, at_tick, at_s: self.heard.append((pcm, at_tick)),
            sent=lambda payload, ordinal, at_s: self.sent.append((payload, ordinal)),
            dtmf=lambda digit, at_tick: self.keys.append(digit),
            drained=self._drained,
            silent=self._silent,
        )

    def begin(self) -> None:
        self.line.start()
        self.line.connect(3)
        self.poll()

    def poll(self) -> None:
        self.line.poll(time.monotonic())

    def take(self, times: int = 1) -> list[bytes | None]:
        taken: list[bytes | None] = []
        for _ in range(times):
            taken.append(self.joined.port.take())
            self.poll()
        return taken

    def _dial(self, call: str, digits: str) -> None:
        self.dialled += digits

    def _drained(self) -> None:
        self.drained += 1

    def _silent(self) -> None:
        self.silent += 1


def payload(ticks: int, value: int = 0x20) -> bytes:
    return bytes([value]) * ticks


def test_what_is_played_is_sent_frame_by_frame_and_the_last_one_is_filled_up() -> None:
    far = Far()
    far.begin()
    far.line.play(payload(2 * FRAME_TICKS + 40))
    assert far.line.queued_ticks == 2 * FRAME_TICKS + 40
    taken = far.take(4)
    assert [each is not None for each in taken] == [True, True, True, False]
    assert taken[2] == PCMU.decode(payload(40) + PCMU.silence * (FRAME_TICKS - 40))
    assert far.sent == [(payload(160), 0), (payload(160), 160), (payload(40), 320)]
    assert (far.line.sent_ticks, far.line.queued_ticks, far.drained) == (360, 0, 1)
    assert far.line.played_ticks() == 360


def test_played_is_less_than_sent_while_it_is_under_way() -> None:
    far = Far()
    far.begin()
    far.figures = FrameStats(rtt_ms=60_000.0)
    far.line.measure()
    far.line.play(payload(FRAME_TICKS))
    far.take()
    assert (far.line.sent_ticks, far.line.played_ticks()) == (FRAME_TICKS, 0)


def test_clear_takes_back_what_the_clock_has_not_taken_to_the_tick() -> None:
    far = Far()
    far.begin()
    far.line.play(payload(100 * FRAME_TICKS + 7))
    far.take(2)
    far.joined.port.take()  # not collected yet
    assert far.line.clear() == 97 * FRAME_TICKS + 7
    assert far.line.sent_ticks == 3 * FRAME_TICKS
    assert (far.line.queued_ticks, far.drained) == (0, 0)
    assert far.take() == [None]
    far.line.play(payload(10, 0x30))
    far.poll()
    assert far.take() == [PCMU.decode(payload(10, 0x30) + PCMU.silence * 150)]
    assert far.sent[-1] == (payload(10, 0x30), 3 * FRAME_TICKS)


def test_pieces_that_follow_each_other_in_time_leave_no_gap() -> None:
    far = Far()
    far.begin()
    for _ in range(4):
        far.line.play(payload(100))
        far.line.play(payload(60))
    assert far.take(5) == [PCMU.decode(payload(160))] * 4 + [None]


def test_more_than_the_port_holds_follows_by_itself() -> None:
    far = Far()
    far.begin()
    far.line.play(payload(200 * FRAME_TICKS))
    assert None not in far.take(200)
    assert far.line.sent_ticks == 200 * FRAME_TICKS


def test_nothing_is_lent_or_heard_before_the_start() -> None:
    far = Far()
    far.line.connect(3)
    far.line.play(payload(FRAME_TICKS))
    far.joined.port.give(bytes(320))
    far.poll()
    assert (far.joined.slot, far.take(), far.heard) == (None, [None], [])
    far.line.start(confirmed=False)
    assert far.joined.slot == 3
    assert far.line.awaits_media is False  # it only rings
    far.line.start()
    assert far.line.awaits_media
    assert far.take() == [PCMU.decode(payload(FRAME_TICKS))]


def test_audio_has_no_holes_though_nobody_collected_it_for_long() -> None:
    far = Far()
    far.begin()
    for number in range(frames.RING_FRAMES + 20):
        far.joined.port.give(bytes([number, 0]) * 160)
    far.poll()
    far.joined.port.give(b"\x07\x00" * 160)
    far.poll()
    at = 0
    for pcm, at_tick in far.heard:
        assert at_tick == at
        at += len(pcm) // 2
    assert at == (frames.RING_FRAMES + 21) * FRAME_TICKS
    assert far.heard[-2] == (bytes(320 * 20), frames.RING_FRAMES * FRAME_TICKS)
    far.line.measure()
    assert far.line.stats().stalls == 20


def test_keys_come_once_whichever_way_they_take() -> None:
    far = Far()
    far.begin()
    far.line.receive_event("5", KeyPath.RFC4733, 100)
    far.line.receive_key("5", 100)
    far.line.receive_key("6", 100)
    assert far.keys == ["5", "6"]


def test_keys_go_after_what_is_queued() -> None:
    far = Far()
    far.begin()
    far.line.play(payload(2 * FRAME_TICKS))
    far.line.send_dtmf("1a")
    far.take()
    assert far.dialled == ""
    far.take()
    assert far.dialled == "1A"
    far.line.send_dtmf("2")
    assert far.dialled == "1A2"
    with pytest.raises(ValueError, match="isn't a DTMF digit"):
        far.line.send_dtmf("x")


def test_keys_are_tones_where_the_far_end_has_no_events() -> None:
    far = Far()
    far.line.connect(3, events=False)
    far.line.start()
    assert far.line.hears_tones
    far.line.send_dtmf("1")
    assert far.dialled == ""
    assert far.line.queued_ticks > 0


def test_silence_of_the_far_end_is_reported_but_not_while_it_holds() -> None:
    far = Far()
    held: list[bool] = []
    far.line.on_hold = held.append
    far.begin()
    later = time.monotonic() + 100
    far.line.hold(True)
    far.line.poll(later)
    assert (far.silent, far.line.awaits_media) == (0, False)
    far.line.hold(False)
    far.line.poll(later)
    far.line.poll(later + 100)
    assert far.silent == 1
    assert held == [True, False]


def test_media_that_comes_keeps_the_line_from_being_silent() -> None:
    far = Far()
    far.begin()
    far.figures = FrameStats(packets_received=10)
    far.line.poll(time.monotonic() + 1.5)
    assert far.silent == 0
    assert far.line.stats().last_received_at is not None


def test_the_figures_of_media_that_is_gone_do_not_count() -> None:
    far = Far()
    far.begin()
    far.figures = FrameStats(packets_received=10, packets_sent=12)
    far.line.measure()
    far.figures = None
    far.line.close()
    assert (far.line.stats().packets_received, far.line.stats().packets_sent) == (10, 12)


def test_a_closed_line_does_nothing() -> None:
    far = Far()
    far.begin()
    far.line.close()
    far.line.close()
    far.line.play(payload(FRAME_TICKS))
    far.line.connect(4)
    far.line.start()
    far.poll()
    assert (far.line.clear(), far.line.queued_ticks, far.line.closed) == (0, 0, True)
    assert far.line.dump()["port"] == {}


def test_a_line_follows_media_to_another_slot() -> None:
    far = Far()
    far.begin()
    far.line.connect(5)
    assert far.joined.slot == 5
    far.line.connect(5)  # another stream in the same place
    assert far.joined.connected == 3
    far.line.connect(None)
    assert far.joined.slot is None


def test_a_wideband_line_is_played_linear_pcm_and_counts_the_same_ticks() -> None:
    far = Far(16_000)
    far.begin()
    assert (far.line.encoding, far.line.rate_hz, far.line.bytes_per_tick) == ("LINEAR16", 16_000, 4)
    pcm = bytes(range(250)) * 4
    far.line.play(far.line.encode(pcm))
    far.poll()
    assert far.line.queued_ticks == 250
    assert far.take(3) == [pcm[:640], pcm[640:].ljust(640, b"\0"), None]
    assert (far.line.sent_ticks, far.drained) == (250, 1)
    far.joined.port.give(bytes(640))
    far.joined.port.give(bytes(640))
    far.poll()
    assert [(len(heard), at_tick) for heard, at_tick in far.heard] == [(640, 0), (640, 160)]
    far.line.play(bytes(4 * 500))
    assert far.line.clear() == 500

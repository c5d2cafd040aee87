"""Capture files: both formats, both byte orders, all resolutions; truncated, damaged and hostile ones."""

import io
import random
import struct
import tracemalloc

import pytest

from offhook.encryption.chunks import MAGIC
from offhook.qa.capture.files import CaptureError, CaptureFile, Frame
from tests.offhook.qa.capture.frames import block, enhanced, interface, pcap, section


def read(data: bytes) -> tuple[list[Frame], str]:
    file = CaptureFile(io.BytesIO(data))
    return list(file), file.problem


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("nano", "unit_s"), [(False, 1e-6), (True, 1e-6)])
def test_pcap(order: str, nano: bool, unit_s: float) -> None:
    frames, problem = read(pcap(b"one", b"three", order=order, nano=nano, link=113))
    assert [each.data for each in frames] == [b"one", b"three"] and problem == ""
    assert [each.link_type for each in frames] == [113, 113]
    assert frames[1].at_s == pytest.approx(1_700_000_000 + 2 * unit_s, abs=3e-7)
    assert not frames[0].is_cut


def test_a_frame_of_which_the_end_was_not_captured() -> None:
    frames, _ = read(pcap(b"some", length=100))
    assert frames[0].is_cut


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng(order: str) -> None:
    data = (
        section(order)
        + interface(1, order)
        + interface(101, order, resolution=9)
        + interface(113, order, resolution=0x80 | 10, offset_s=1_000)
        + block(5, b"statistics", order)
        + enhanced(1_700_000_000_000_001, b"micro", order)
        + enhanced(1_700_000_000_000_002_000, b"nano", order, 1)
        + enhanced(512, b"binary", order, 2)
    )
    frames, problem = read(data)
    assert [(each.link_type, each.data) for each in frames] == [(1, b"micro"), (101, b"nano"), (113, b"binary")]
    assert problem == ""
    assert frames[0].at_s == pytest.approx(1_700_000_000.000001, abs=3e-7)
    assert frames[1].at_s == pytest.approx(1_700_000_000.000002, abs=3e-7)
    assert frames[2].at_s == 1_000.5


def test_old_and_simple_packets_and_a_second_section() -> None:
    old = block(2, struct.pack("<HHIIII", 0, 0, 0, 7, 3, 3) + b"old")
    simple = block(3, struct.pack("<I", 6) + b"simple")
    data = section() + interface() + old + simple + section(">") + interface(101, ">") + enhanced(9, b"big", ">")
    frames, _ = read(data)
    assert [(each.link_type, each.data) for each in frames] == [(1, b"old"), (1, b"simple"), (101, b"big")]
    assert frames[1].at_s == frames[0].at_s == pytest.approx(7e-6)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"ab", "shorter"),
        (b"\x1f\x8b\x08\x00more", "gunzip"),
        (b"\x28\xb5\x2f\xfdmore", "unzstd"),
        (b"RIFFxxxxWAVE", "WAV"),
        (MAGIC + bytes(100), "offhook records decrypt"),
        (b"INVITE sip:a", "neither pcap nor pcapng"),
        (pcap()[:10], "within the file header"),
    ],
)
def test_no_captures(data: bytes, why: str) -> None:
    with pytest.raises(CaptureError, match=why):
        read(data)


def test_a_truncated_file_gives_what_comes_before() -> None:
    whole = pcap(b"one", b"three")
    for end in range(len(whole) - 1, len(whole) - 5 - 16, -1):
        frames, problem = read(whole[:end])
        assert len(frames) == 1
        assert "ends within a frame" in problem or end == len(whole) - 5 - 16
    whole = section() + interface() + enhanced(1, b"one") + enhanced(2, b"two")
    frames, problem = read(whole[:-3])
    assert len(frames) == 1 and "ends within" in problem and f"at byte {len(whole) - 3}" in problem


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (struct.pack("<II", 6, 13) + bytes(20), "claims 13 bytes"),
        (struct.pack("<II", 6, 0) + bytes(20), "claims 0 bytes"),
        (struct.pack("<II", 6, 0xFFFFFFF0) + bytes(20), "claims 4294967280 bytes"),
        (struct.pack("<II", 6, 32) + bytes(24), "two lengths differ"),
        (enhanced(1, b"x", number=7), "interface 7"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 500, 500) + b"short"), "a frame of 500 bytes"),
        (block(0x0A0D0D0A, bytes(16)), "byte-order magic"),
        (block(1, b"tiny"), "cannot be used"),
        (interface(resolution=0) + enhanced((1 << 64) - 1, b"x", number=1), "time"),
    ],
)
def test_damage_ends_the_file_with_a_reason(damage: bytes, why: str) -> None:
    frames, problem = read(section() + interface() + enhanced(1, b"good") + damage + enhanced(2, b"lost"))
    assert [each.data for each in frames] == [b"good"]
    assert why in problem


def test_a_pcap_frame_of_an_impossible_length() -> None:
    frames, problem = read(pcap(b"good") + struct.pack("<IIII", 1, 1, 1 << 30, 1 << 30) + bytes(100))
    assert len(frames) == 1 and "claims 1073741824 bytes" in problem


def test_random_damage_never_does_more_than_end_it() -> None:
    chance = random.Random(4)
    sources = [pcap(b"one" * 20, b"two" * 9), section() + interface() + enhanced(1, b"one" * 20) + enhanced(2, b"t")]
    for number in range(2_000):
        data = bytearray(sources[number % 2])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        del data[chance.randrange(8, len(data) + 1) :]
        try:
            frames, _ = read(bytes(data))
        except CaptureError:
            continue
        assert len(frames) <= 3


def test_a_large_file_is_never_in_memory() -> None:
    class Endless(io.RawIOBase):
        """A capture of 200 MB that nobody has."""

        def __init__(self) -> None:
            self.left = 200_000_000
            self.head = pcap()

        def read(self, count: int = -1) -> bytes:
            if self.head:
                found, self.head = self.head[:count], self.head[count:]
                return found
            if self.left <= 0:
                return b""
            self.left -= count
            return struct.pack("<IIII", 1, 1, 200_000, 200_000) if count == 16 else bytes(count)

    tracemalloc.start()
    try:
        count = sum(bool(each.data) for each in CaptureFile(Endless()))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count >= 999 and peak < 5_000_000

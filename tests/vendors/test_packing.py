import random

from offhook.vendors.packing import Packer, Packing

BYTES_PER_S = 8_000


def test_frames_of_a_line_are_sent_as_they_come() -> None:
    packer = Packer(Packing(), BYTES_PER_S)
    assert [list(packer.push(bytes([n]) * 160)) for n in range(5)] == [[bytes([n]) * 160] for n in range(5)]


def test_what_was_kept_is_divided() -> None:
    packer = Packer(Packing(20, 100), BYTES_PER_S)
    assert [len(each) for each in packer.push(bytes(2_400))] == [800, 800, 800]
    assert [len(each) for each in packer.push(bytes(1_700))] == [800, 740, 160]


def test_small_pieces_are_put_together_and_nothing_is_lost() -> None:
    rng = random.Random(1)
    for sample_bytes in (1, 2):
        packer = Packer(Packing(), BYTES_PER_S * sample_bytes, sample_bytes)
        audio = rng.randbytes(20_001 * sample_bytes)
        sent, at = [], 0
        while at < len(audio):
            size = rng.choice((1, 3, 37, 160, 161, 512, 2_400))
            sent += list(packer.push(audio[at : at + size]))
            at += size
        assert all(160 * sample_bytes <= len(each) <= 800 * sample_bytes for each in sent)
        assert all(len(each) % sample_bytes == 0 for each in sent)
        assert b"".join(sent) + packer.flush() == audio


def test_half_a_sample_is_never_sent() -> None:
    packer = Packer(Packing(), 16_000, 2)
    assert list(packer.push(bytes(7))) == []
    assert packer.flush() == bytes(6)

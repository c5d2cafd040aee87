"""Encrypted files as they are written and read: whole, cut off, changed, with other keys."""

import io
import wave
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.encryption.chunks import HEADER, LENGTH, MAX_CHUNK_BYTES, TAG_BYTES, UnreadableError, new_cipher
from offhook.encryption.keys import new_key
from offhook.encryption.reader import EncryptedReader, Ending, key_id_of, open_kept
from tests.offhook.encryption.keyfile import key_file

KEY = new_key()
PIECES = [b"first " * 100, b"second", b"x" * MAX_CHUNK_BYTES, b"last"]
TEXT = b"".join(PIECES)


def encrypted(pieces: list[bytes] = PIECES, *, ends: bool = True) -> bytes:
    cipher = new_cipher(KEY)
    chunks = [cipher.encrypted(number, piece) for number, piece in enumerate(pieces)]
    end = cipher.encrypted(len(pieces), b"", last=True) if ends else b""
    return b"".join((cipher.header, *chunks, end))


def bounds(pieces: list[bytes] = PIECES) -> list[int]:
    """Where the chunks begin, and where the last one ends."""
    found = [HEADER.size]
    for piece in [*pieces, b""]:
        found.append(found[-1] + LENGTH.size + len(piece) + TAG_BYTES)
    return found


def put(folder: Path, data: bytes) -> Path:
    path = folder / "kept"
    path.write_bytes(data)
    return path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path, keys = put(tmp_path, encrypted()), key_file(tmp_path, KEY)
    with open_kept(path, keys) as kept:
        assert (kept.size, kept.ending) == (len(TEXT), Ending.ENDED)
        assert kept.file.read() == TEXT
        for at in (0, 599, 600, 605, 606, len(TEXT) - 4, len(TEXT)):
            assert kept.file.seek(at) == at
            assert kept.file.read(7) == TEXT[at : at + 7]
        assert kept.file.seek(-4, io.SEEK_END) == len(TEXT) - 4
        assert kept.file.read() == b"last"
    assert kept.file.closed
    assert key_id_of(path) == KEY.id


def test_two_files_of_the_same_have_nothing_in_common() -> None:
    first, second = encrypted(), encrypted()
    assert first[:24] == second[:24]
    ends = bounds()
    assert all(first[at + 4 : at + 20] != second[at + 4 : at + 20] for at in ends[:-1])
    assert TEXT[:32] not in first and b"second" not in first


def test_a_file_in_the_clear_is_read_as_it_is(tmp_path: Path) -> None:
    with open_kept(put(tmp_path, b"RIFF and more"), None) as kept:
        assert (kept.file.read(), kept.size, kept.ending) == (b"RIFF and more", 13, None)
    assert key_id_of(tmp_path / "kept") is None


def test_a_file_that_is_cut_anywhere_has_its_whole_chunks_and_no_end(tmp_path: Path) -> None:
    data, keys, ends = encrypted(), key_file(tmp_path, KEY), bounds()
    contents = [b"".join(PIECES[:count]) for count in range(len(PIECES) + 1)]
    places = {at + step for at in ends for step in (-1, 0, 1, LENGTH.size, LENGTH.size + 1)}
    for at in sorted(places - set(range(HEADER.size))):
        if at >= len(data):
            continue
        whole = sum(end <= at for end in ends[1:])
        with open_kept(put(tmp_path, data[:at]), keys) as kept:
            assert kept.ending is Ending.CUT
            assert kept.file.read() == contents[whole]
            assert kept.size == len(contents[whole])


def test_a_header_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="header is cut off"):
        open_kept(put(tmp_path, encrypted()[: HEADER.size - 1]), key_file(tmp_path, KEY))


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    pieces = [b"one", b"two"]
    data, keys = encrypted(pieces), key_file(tmp_path, KEY)
    for at in range(16, len(data)):
        for bit in (0x01, 0x80):
            changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            try:
                with open_kept(put(tmp_path, changed), keys) as kept:
                    read = kept.file.read()
                    # A length that says more than there is looks like a file that was cut.
                    assert kept.ending is Ending.CUT
                    assert b"onetwo".startswith(read)
            except UnreadableError:
                continue


@given(st.binary(max_size=200), st.integers(0, 400))
def test_what_is_no_chunk_is_never_a_whole_file(junk: bytes, at: int) -> None:
    data = encrypted([b"one", b"two"])
    changed = data[: HEADER.size + at % (len(data) - HEADER.size)] + junk
    if changed == data:
        return
    try:
        reader = EncryptedReader(io.BytesIO(changed), [KEY])
    except UnreadableError:
        return
    assert reader.ending is not Ending.ENDED


def test_chunks_that_are_swapped_repeated_or_left_out_are_found(tmp_path: Path) -> None:
    pieces = [b"aaaa", b"bbbb", b"cccc"]
    data, keys, ends = encrypted(pieces), key_file(tmp_path, KEY), bounds(pieces)
    head, *chunks = data[: ends[0]], *(data[a:b] for a, b in pairwise(ends))
    a, b, c, end = chunks
    for forged in ([b, a, c, end], [a, a, b, c, end], [a, c, end], [a, b, end], [end], [a, b, c, end, end]):
        with (
            pytest.raises(UnreadableError, match="damaged"),
            open_kept(put(tmp_path, head + b"".join(forged)), keys) as kept,
        ):
            kept.file.read()
    other = encrypted(pieces)
    with pytest.raises(UnreadableError), open_kept(put(tmp_path, head + other[ends[0] :]), keys) as kept:
        kept.file.read()


def test_what_is_before_the_damage_can_be_read(tmp_path: Path) -> None:
    data, ends = bytearray(encrypted()), bounds()
    data[ends[2] + 10] ^= 1
    with open_kept(put(tmp_path, bytes(data)), key_file(tmp_path, KEY)) as kept:
        assert kept.file.read(606) == TEXT[:606]
        with pytest.raises(UnreadableError, match="damaged behind 606 bytes"):
            kept.file.read(1)


def test_bytes_behind_the_end_are_found(tmp_path: Path) -> None:
    for more in (b"\0", b"more", b"\0" * 100):
        with (
            pytest.raises(UnreadableError),
            open_kept(put(tmp_path, encrypted() + more), key_file(tmp_path, KEY)) as kept,
        ):
            assert kept.ending is Ending.DAMAGED
            kept.file.read()


def test_another_key_a_missing_file_and_rotation(tmp_path: Path) -> None:
    path, other = put(tmp_path, encrypted()), new_key()
    with pytest.raises(UnreadableError, match=f"the key {KEY.id.hex()}, which is not in"):
        open_kept(path, key_file(tmp_path, other))
    with pytest.raises(UnreadableError, match="no `key_file`"):
        open_kept(path, None)
    with pytest.raises(UnreadableError, match="No such file"):
        open_kept(path, tmp_path / "gone")
    with open_kept(path, key_file(tmp_path, other, KEY)) as kept:
        assert kept.file.read() == TEXT


def test_a_recording_that_was_cut_says_how_long_it_is(tmp_path: Path) -> None:
    made = io.BytesIO()
    with wave.open(made, "wb") as audio:
        audio.setparams((2, 2, 8_000, 0, "NONE", ""))
    path = put(tmp_path, encrypted([made.getvalue(), b"\1\0" * 320, b"\2\0" * 320], ends=False))
    with open_kept(path, key_file(tmp_path, KEY)) as kept, wave.open(kept.file, "rb") as audio:
        assert audio.getnframes() == 320
        assert audio.readframes(320) == b"\1\0" * 320 + b"\2\0" * 320

"""Which payloads of a line are silence."""

import struct

import pytest

from offhook.pipeline.ports import voiced_test
from offhook.telephony.codec import codec_named


class Line:
    def __init__(self, encoding: str) -> None:
        codec = codec_named(encoding)
        self.encoding, self.encode = encoding, codec.encode
        wide = encoding == "LINEAR16"
        self.rate_hz, self.bytes_per_tick = (16_000, 4) if wide else (8_000, 1)


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA", "LINEAR16"])
@pytest.mark.parametrize(("peak", "voiced"), [(0, False), (100, False), (400, True), (-400, True), (20_000, True)])
def test_what_is_louder_than_silence_is_voiced(encoding: str, peak: int, voiced: bool) -> None:
    line = Line(encoding)
    pcm = struct.pack("<160h", *[0] * 80, peak, *[-3] * 79)
    assert voiced_test(line)(line.encode(pcm)) is voiced  # type: ignore[arg-type]  # the part of a Line that it reads

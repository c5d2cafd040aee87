from offhook.pipeline.bands import Bands, Convert


def double(pcm: bytes) -> bytes:
    return b"".join(2 * pcm[at : at + 2] for at in range(0, len(pcm), 2))


def half(pcm: bytes) -> bytes:
    return b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 4))


class Made:
    """Counts the converters."""

    def __init__(self, line_hz: int, asr_hz: int) -> None:
        self.up = self.down = 0
        self.bands = Bands(line_hz, asr_hz, self._up, self._down)

    def _up(self) -> Convert:
        self.up += 1
        return double

    def _down(self) -> Convert:
        self.down += 1
        return half


AUDIO = b"\1\0\1\0\2\0\2\0"


def test_a_narrowband_line_is_upsampled_for_each_turn() -> None:
    made = Made(8_000, 16_000)
    assert made.bands.narrow is None
    assert (made.bands.is_narrow, made.bands.kept_bytes) == (True, 2)
    for _ in range(2):
        made.bands.begin_turn()
        assert made.bands.for_recogniser(AUDIO) == double(AUDIO)
    assert (made.up, made.down) == (2, 0)


def test_a_narrowband_recogniser_gets_the_detectors_audio() -> None:
    for line_hz in (8_000, 16_000):
        bands = Made(line_hz, 8_000).bands
        bands.begin_turn()
        assert (bands.is_narrow, bands.kept_bytes) == (True, 2)
        assert bands.for_recogniser(AUDIO) is AUDIO
    assert bands.narrow is not None and bands.narrow(AUDIO) == half(AUDIO)


def test_a_wideband_recogniser_gets_a_wideband_line_unchanged() -> None:
    made = Made(16_000, 16_000)
    bands = made.bands
    assert (bands.is_narrow, bands.kept_bytes) == (False, 4)
    assert bands.narrow is not None
    narrow = bands.narrow(AUDIO)
    assert narrow == b"\1\0\2\0"
    assert bands.wide(AUDIO, narrow, narrow) is AUDIO
    bands.begin_turn()
    assert bands.for_recogniser(AUDIO) is AUDIO
    assert made.up == 0


def test_a_wideband_recogniser_gets_the_processed_audio_if_the_front_end_changed_it() -> None:
    made = Made(16_000, 16_000)
    narrow, cleaned = b"\1\0\2\0", b"\0\0\2\0"
    for _ in range(3):
        assert made.bands.wide(AUDIO, narrow, cleaned) == double(cleaned)
    assert made.up == 1
    assert made.bands.wide(AUDIO, narrow, narrow) is AUDIO
    made.bands.wide(AUDIO, narrow, cleaned)
    assert made.up == 2

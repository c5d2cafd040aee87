from importlib.util import find_spec
from time import thread_time

import numpy as np
import pytest

from offhook.pipeline.errors import EngineError
from offhook.pipeline.front_end.apm import WebrtcProcessor
from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.telephony.codec.g711 import PCMU
from tests.pipeline.front_end.calls import PACKET, prompts, report

needs_apm = pytest.mark.skipif(find_spec("pywebrtc_audio") is None, reason="needs pywebrtc-audio")


def _power(pcm: bytes) -> float:
    return float(np.square(np.frombuffer(pcm, "<i2").astype(float)).mean())


@needs_apm
def test_echo_and_noise_become_less_and_as_much_comes_back() -> None:
    processor = WebrtcProcessor()
    bot = np.tile(prompts()[0], 2)
    rng = np.random.default_rng(1)
    received = 0.2 * np.concatenate([np.zeros(800), bot])[: len(bot)] + rng.normal(size=len(bot)) * 60
    sent, pcm = (audio.clip(-32_768, 32_767).astype("<i2").tobytes() for audio in (bot, received))
    out, began = b"", thread_time()
    for at in range(0, len(pcm), 2 * PACKET):
        out += processor.process(pcm[at : at + 2 * PACKET], sent[at : at + 2 * PACKET])
    us = 1e6 * (thread_time() - began) / (len(pcm) / 2 / PACKET)
    report(f"WebRTC: {us:.0f} us a packet of 20 ms")
    assert len(out) == len(pcm)
    half = len(pcm) // 2
    assert _power(out[half:]) < 0.05 * _power(pcm[half:])


@needs_apm
@pytest.mark.parametrize("samples", [40, 100, 160, 480])
def test_packets_of_any_size_come_back_as_long(samples: int) -> None:
    processor = WebrtcProcessor()
    for _ in range(9):
        assert len(processor.process(bytes(2 * samples), bytes(2 * samples))) == 2 * samples
    with pytest.raises(ValueError, match="320 bytes received"):
        processor.process(bytes(320), bytes(160))


@needs_apm
def test_a_front_end_with_a_processor() -> None:
    front_end = AudioFrontEnd(EchoGuard(PCMU.decode), WebrtcProcessor())
    front_end.sent(bytes([0xFF]) * PACKET, 10.0, first=True)
    assert front_end.on_audio(bytes(2 * PACKET), 0, 10.02) == bytes(2 * PACKET)


def test_where_it_is_missing_the_error_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(EngineError, match=r"offhook\[apm\]"):
        WebrtcProcessor()

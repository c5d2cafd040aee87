from offhook.pipeline.front_end.echo.history import EchoHistory
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.tones import noise, silence

PACKET_MS = 20


def _lost(*pieces: bytes) -> tuple[int, int] | None:
    """The loss found in these pieces of received audio, in packets, while the bot spoke."""
    history, received = EchoHistory(PCMU.decode), b"".join(pieces)
    packet = 16 * PACKET_MS
    for at in range(0, len(received), packet):
        at_s = 100.0 + at / 16_000
        history.sent(bytes(packet // 2), at_s, first=at == 0)
        assert history.received(received[at : at + packet], at // 2, at_s + PACKET_MS / 1_000)
    return history.lost_span(0, history.end)


def test_digital_silence_after_sound_is_a_loss_including_its_concealment() -> None:
    sound = noise(200, level_dbfs=-50)
    assert _lost(sound, silence(140), sound) == (1_600 - 480, 2_720)
    assert _lost(sound, silence(140)) == (1_600 - 480, 2_720)  # it still lasts
    assert _lost(sound, silence(60), sound, silence(100), sound) == (3_680 - 480, 4_480)
    assert _lost(noise(40, level_dbfs=-50), silence(60), sound) == (0, 800)


def test_digital_silence_without_sound_before_it_or_that_lasts_is_not_a_loss() -> None:
    sound = noise(200, level_dbfs=-50)
    assert _lost(sound) is None
    assert _lost(silence(200), sound) is None
    assert _lost(sound, silence(400), sound) is None

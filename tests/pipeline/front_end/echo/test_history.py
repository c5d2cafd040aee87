from offhook.pipeline.front_end.echo.history import EchoHistory
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.tones import noise, silence

PACKET_MS = 20


def _lost(*pieces: bytes) -> tuple[int, int] | None:
    """In what was heard: these pieces, in packets, while the bot spoke."""
    history, heard = EchoHistory(PCMU.decode), b"".join(pieces)
    packet = 16 * PACKET_MS
    for at in range(0, len(heard), packet):
        at_s = 100.0 + at / 16_000
        history.sent(bytes(packet // 2), at_s, first=at == 0)
        assert history.received(heard[at : at + packet], at // 2, at_s + PACKET_MS / 1_000)
    return history.lost_span(0, history.end)


def test_digital_silence_in_between_is_a_loss_with_the_concealment_before_it() -> None:
    sound = noise(200, level_dbfs=-50)
    assert _lost(sound, silence(140), sound) == (1_600 - 480, 2_720)
    assert _lost(sound, silence(140)) == (1_600 - 480, 2_720)  # it still lasts
    assert _lost(sound, silence(60), sound, silence(100), sound) == (3_680 - 480, 4_480)
    assert _lost(noise(40, level_dbfs=-50), silence(60), sound) == (0, 800)


def test_what_no_sound_was_before_and_what_lasts_is_silence() -> None:
    sound = noise(200, level_dbfs=-50)
    assert _lost(sound) is None
    assert _lost(silence(200), sound) is None
    assert _lost(sound, silence(400), sound) is None

"""Phone lines between a recording and the recogniser: laws, bands, loss, noise, other voices, echo.

Every channel ends with noise of one step (±1 LSB), so that no result hangs on the last bit of a recording.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.plc import Concealer

RATE_HZ = 8_000
PACKET = 160
LEVEL_DBFS = -20.0
"""RMS of the speech."""

LEAD_S, TAIL_S = 0.3, 0.6
"""Silence (of the line, with its noise) before and after: the tail is the pause that ends a turn."""

BURST_PACKETS = 3.0
ECHO_DB = -20.0
ECHO_DELAY_S = 0.12

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """One line. `snr_db` is against white noise, or against several voices at once if `babble`."""

    name: str
    law: str = "PCMU"
    band_hz: tuple[float, float] | None = None
    loss: float = 0.0
    snr_db: float | None = None
    babble: bool = False
    echo: bool = False


CHANNELS: Mapping[str, Channel] = {
    channel.name: channel
    for channel in (
        Channel("mu-law"),
        Channel("A-law", law="PCMA"),
        Channel("300-3400 Hz", band_hz=(300.0, 3_400.0)),
        Channel("loss 1 %", loss=0.01),
        Channel("loss 3 %", loss=0.03),
        Channel("loss 5 %", loss=0.05),
        Channel("loss 10 %", loss=0.1),
        Channel("noise 20 dB", snr_db=20.0),
        Channel("noise 10 dB", snr_db=10.0),
        Channel("noise 5 dB", snr_db=5.0),
        Channel("babble 20 dB", snr_db=20.0, babble=True),
        Channel("babble 10 dB", snr_db=10.0, babble=True),
        Channel("babble 5 dB", snr_db=5.0, babble=True),
        Channel("echo", echo=True),
    )
}


class Line:
    """Carries recordings over channels. `background` has voices at 8 kHz, for babble and for the bot's echo."""

    def __init__(self, background: Sequence[Floats]) -> None:
        self._background = [voice / _rms(voice) for voice in background]

    def carry(self, speech: Floats, channel: Channel, rng: np.random.Generator) -> Samples:
        """What our side of the line gets of `speech` (8 kHz), with the pause that ends the turn."""
        level = 32_768 * 10 ** (LEVEL_DBFS / 20)
        audio = np.concatenate([np.zeros(_ticks(LEAD_S)), speech * level / _rms(speech), np.zeros(_ticks(TAIL_S))])
        if channel.echo:
            audio[_ticks(ECHO_DELAY_S) :] += (
                level * 10 ** (ECHO_DB / 20) * self._voice(len(audio), rng)[: -_ticks(ECHO_DELAY_S)]
            )
        if channel.snr_db is not None:
            audio += level * 10 ** (-channel.snr_db / 20) * self._noise(len(audio), channel.babble, rng)
        if channel.band_hz is not None:
            audio = band_limited(audio, channel.band_hz)
        received = _coded(audio, channel.law)
        if channel.loss:
            received = lossy(received, channel.loss, rng)
        stepped = received.astype(np.int32) + rng.integers(-1, 2, len(received))
        return np.asarray(np.clip(stepped, -32_768, 32_767), np.int16)

    def _noise(self, length: int, babble: bool, rng: np.random.Generator) -> Floats:
        if not babble:
            return rng.normal(size=length)
        mixed = np.sum([self._voice(length, rng) for _ in range(6)], axis=0)
        return np.asarray(mixed / _rms(mixed))

    def _voice(self, length: int, rng: np.random.Generator) -> Floats:
        voice = self._background[int(rng.integers(len(self._background)))]
        return np.roll(np.resize(voice, max(length, len(voice))), int(rng.integers(len(voice))))[:length]


def band_limited(audio: Floats, band_hz: tuple[float, float]) -> Floats:
    """The audio without anything outside the band."""
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    inside = (hz > band_hz[0]) & (hz < band_hz[1])
    return np.asarray(np.fft.irfft(np.fft.rfft(audio) * inside, len(audio)))


def lossy(received: Samples, share: float, rng: np.random.Generator) -> Samples:
    """The audio with packets lost in bursts (Gilbert), concealed as in a call."""
    concealer, packets, lost = Concealer(), [], False
    recover = 1 / BURST_PACKETS
    begin = share * recover / (1 - share)
    for at in range(0, len(received), PACKET):
        packet = received[at : at + PACKET]
        lost = rng.random() >= recover if lost else rng.random() < begin
        packets.append(concealer.lost(len(packet)) if lost else concealer.good(packet.tobytes()))
    return np.frombuffer(b"".join(packets), "<i2")


_LAWS: Mapping[str, Callable[[bytes], bytes]] = {
    "PCMU": lambda pcm: PCMU.decode(PCMU.encode(pcm)),
    "PCMA": lambda pcm: PCMA.decode(PCMA.encode(pcm)),
}


def _coded(audio: Floats, law: str) -> Samples:
    pcm = np.clip(np.round(audio), -32_768, 32_767).astype("<i2").tobytes()
    return np.frombuffer(_LAWS[law](pcm), "<i2")


def _rms(audio: Floats) -> float:
    return max(1e-9, float(np.sqrt((audio**2).mean())))


def _ticks(seconds: float) -> int:
    return round(RATE_HZ * seconds)

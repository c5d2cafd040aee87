"""Speech over a phone line: synthesised by installed voices, then impaired as on a line.

Voices are `flite:NAME` (rms, slt, awb, kal16), `espeak:NAME` (en-us+m1, en-gb …) and `festival:NAME` (kal_diphone,
cmu_us_slt_arctic_hts), of the Debian packages flite, espeak-ng, and festival with its voices.
"""

import io
import struct
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import numpy as np
from numpy.typing import NDArray

from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.resample import Upsampler

RATE_HZ = 8_000
PACKET = 160
PROGRAMS = {"flite": "flite", "espeak": "espeak-ng", "festival": "text2wave"}

WORDS_PER_MINUTE = 175  # of espeak-ng

Samples = NDArray[np.int16]


def is_installed(voice: str) -> bool:
    """Whether a voice's program is installed. Festival reports a missing voice only when it speaks."""
    return which(PROGRAMS[voice.partition(":")[0]]) is not None


def speak_wide(voice: str, text: str) -> NDArray[np.float64]:
    """`text` by one of flite's voices that have 16 kHz."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True, capture_output=True)
        with wave.open(file.name) as reader:
            pcm = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
    return pcm.astype(float)


def speak(voice: str, text: str, rate: float = 1.0) -> Samples:
    """`text` at 8 kHz, the loudest sample at -3 dBFS. `rate` is relative to the voice's own, which festival keeps."""
    kind, _, name = voice.partition(":")
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        commands = {
            "flite": [
                "flite",
                "-voice",
                name,
                "--setf",
                f"duration_stretch={1 / rate:.3f}",
                "-t",
                text,
                "-o",
                file.name,
            ],
            "espeak": ["espeak-ng", "-v", name, "-s", str(round(WORDS_PER_MINUTE * rate)), "-w", file.name, text],
            "festival": ["text2wave", "-eval", f"(voice_{name})", "-o", file.name],
        }
        subprocess.run(commands[kind], input=text.encode(), check=True, capture_output=True)
        return read_narrow(Path(file.name).read_bytes())


def read_narrow(speech: bytes | NDArray[np.float64], rate_hz: int = RATE_HZ) -> Samples:
    """A WAV file, or samples at `rate_hz`, converted to 8 kHz and -3 dBFS."""
    if isinstance(speech, bytes):
        with wave.open(io.BytesIO(speech)) as reader:
            rate_hz = reader.getframerate()
            speech = np.frombuffer(reader.readframes(reader.getnframes()), "<i2").astype(float)
    size = len(speech) * RATE_HZ // rate_hz
    narrow = np.fft.irfft(np.fft.rfft(speech)[: size // 2 + 1], size) * (size / len(speech))
    return np.asarray(narrow * (23_000 / max(1.0, np.abs(narrow).max())), np.int16)


def wav_narrow(wav: bytes) -> Samples:
    """A WAV file of 8 or 16 bits, with one or two channels, at 8 kHz."""
    chunks = dict(riff_chunks(wav[12:]))
    _format, channels, rate_hz, _bytes_per_s, _align, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    data = chunks[b"data"]
    samples = (
        np.frombuffer(data, "<i2").astype(float) if bits == 16 else np.frombuffer(data, np.uint8).astype(float) - 128.0
    )
    return read_narrow(samples[: len(samples) // channels * channels].reshape(-1, channels).mean(axis=1), rate_hz)


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of a RIFF file behind its header, those in lists one by one."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if kind == b"LIST":
            yield from riff_chunks(body[4:])
        else:
            yield kind, body
        at += 8 + size + size % 2


def over_the_line(speech: Samples, rng: np.random.Generator) -> Samples:
    """The same with silence around it, at a level from -28 to -8 dBFS, with noise 20 to 30 dB below it or none.

    A quarter of the lines is band-limited to 250–3500 Hz, half use mu-law and half A-law, a third loses 2 % of the
    packets, which are concealed by repeating the one before.
    """
    level = 32_768 * 10 ** (rng.uniform(-28, -8) / 20)
    noise = level * 10 ** (-rng.choice([20, 25, 30, 60]) / 20)
    line = speech.astype(float)
    line *= level / max(1.0, np.sqrt((line**2).mean()))
    if rng.random() < 0.25:
        hz = np.fft.rfftfreq(len(line), 1 / RATE_HZ)
        line = np.fft.irfft(np.fft.rfft(line) * ((hz > 250) & (hz < 3_500)), len(line))
    line = np.concatenate([np.zeros(int(rng.uniform(1_600, 4_000))), line, np.zeros(4_400)])
    line += rng.normal(scale=max(noise, 3), size=len(line))
    pcm = np.clip(np.round(line), -32_768, 32_767).astype("<i2").tobytes()
    law = PCMU if rng.random() < 0.5 else PCMA
    pcm = law.decode(law.encode(pcm))
    received = np.frombuffer(pcm, "<i2").copy()
    if rng.random() < 1 / 3:
        for at in range(PACKET, len(received) - PACKET, PACKET):
            if rng.random() < 0.02:
                received[at : at + PACKET] = received[at - PACKET : at] * 0.7
    return received


def lsb_noise(line: Samples, rng: np.random.Generator) -> Samples:
    """The line with every sample up to one step higher or lower."""
    noisy = line.astype(np.int32) + rng.integers(-1, 2, len(line))
    return np.asarray(np.clip(noisy, -32_768, 32_767), np.int16)


def for_recogniser(narrow: Samples) -> bytes:
    """The recogniser's input from a line's audio: 16 kHz."""
    upsampler = Upsampler()
    pieces = [narrow[at : at + PACKET].tobytes() for at in range(0, len(narrow), PACKET)]
    return b"".join(upsampler.push(piece) for piece in pieces)

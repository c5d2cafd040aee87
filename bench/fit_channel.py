"""Fits the wideband acoustic model to phone lines: the matrix of `offhook.pipeline.asr._narrowband`.

    apt-get install flite
    .venv/bin/python -m bench.fit_channel [--write]

Sixteen sentences by each of four voices of flite, wideband and over phone lines (both laws, band-limited, noisy), give
pairs of cepstra of the same frame. The matrix that maps one to the other, by least squares over the audible frames, is
what the model's means are multiplied with. No human speech and no labels are used. `--write` replaces the file that is
shipped.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pocketsphinx

from bench.hearing.channels import CHANNELS, LEAD_S, LEVEL_DBFS, TAIL_S, Floats, Line
from bench.hearing.recordings import ORIGINAL_HZ, to_rate
from bench.phone_line import RATE_HZ, for_recogniser, speak_wide
from offhook.pipeline.asr import _narrowband as narrowband

VOICES = ("rms", "slt", "awb", "kal16")
LINES = ("mu-law", "A-law", "300-3400 Hz", "noise 20 dB")
SENTENCES = (
    "the ship was torn apart on the sharp reef",
    "she had your dark suit in greasy wash water all year",
    "a rod is used to catch pink salmon",
    "the source of the huge river is the clear spring",
    "kick the ball straight and follow through",
    "help the woman get back to her feet",
    "a pot of tea helps to pass the evening",
    "smoky fires lack flame and heat",
    "the soft cushion broke the fall of the man",
    "the salt breeze came across from the sea",
    "the girl at the booth sold fifty bonds",
    "the small pup gnawed a hole in the sock",
    "four hours of steady work faced us",
    "these days a chicken leg is a rare dish",
    "the juice of lemons makes fine punch",
    "the box was thrown beside the parked truck",
)
UPSAMPLER_DELAY = 28  # samples at 16 kHz
AUDIBLE = 0.4  # the quietest frames do not count

WINDOW, HOP, SIZE = 410, 160, 512
PRE_EMPHASIS = 0.97


def cepstra(pcm: Floats) -> tuple[Floats, Floats]:
    """Cepstra [frames, CEPSTRA] of samples at 16 kHz by the model's front end, and each frame's mean log energy."""
    emphasised = np.append(pcm[:1], pcm[1:] - PRE_EMPHASIS * pcm[:-1])
    frames = np.lib.stride_tricks.sliding_window_view(emphasised, WINDOW)[::HOP] * np.hamming(WINDOW)
    power = np.abs(np.fft.rfft(frames, SIZE)) ** 2
    logs = np.log(np.maximum(power @ narrowband.mel_filters(SIZE, ORIGINAL_HZ), 1e-5))
    return (logs @ narrowband.cosines().T) * narrowband.lifter(), logs.mean(1)


def pairs(seed: int) -> Iterator[tuple[Floats, Floats]]:
    """Wideband cepstra and those over a line, of the same frames, less their means."""
    rng = np.random.default_rng(seed)
    for text in SENTENCES:
        for voice in VOICES:
            wide = speak_wide(voice, text)
            narrow = to_rate(wide, ORIGINAL_HZ, RATE_HZ)
            wide = wide * (32_768 * 10 ** (LEVEL_DBFS / 20) / np.sqrt((narrow**2).mean()))
            silence = [np.zeros(round(seconds * ORIGINAL_HZ)) for seconds in (LEAD_S, TAIL_S)]
            original = np.concatenate([silence[0], wide, silence[1]])
            original += rng.normal(scale=3, size=len(original))
            for name in LINES:
                line = Line([narrow]).carry(narrow, CHANNELS[name], rng)
                heard = np.frombuffer(narrowband.with_image(for_recogniser(line)), "<i2")[UPSAMPLER_DELAY:]
                length = min(len(original), len(heard))
                (one, loudness), (other, _) = cepstra(original[:length]), cepstra(heard[:length].astype(float))
                kept = loudness > np.quantile(loudness, AUDIBLE)
                yield one[kept] - one[kept].mean(0), other[kept] - other[kept].mean(0)


def fitted(found: Sequence[tuple[Floats, Floats]]) -> Floats:
    """The matrix [CEPSTRA, CEPSTRA] that maps the first cepstra of each pair to the second."""
    solution, *_ = np.linalg.lstsq(np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found]))
    return np.asarray(solution.T)


def mean_cepstrum(seed: int) -> Floats:
    """The mean that pocketsphinx itself finds over whole utterances on such lines: its beginning for every turn."""
    decoder = pocketsphinx.Decoder(loglevel="FATAL", lm=None)
    decoder.add_jsgf_string("any", "#JSGF V1.0; grammar g; public <g> = yes | no;")
    decoder.activate_search("any")
    rng, found = np.random.default_rng(seed), []
    for text in SENTENCES[::2]:
        for voice in VOICES:
            narrow = to_rate(speak_wide(voice, text), ORIGINAL_HZ, RATE_HZ)
            for name in LINES:
                line = Line([narrow]).carry(narrow, CHANNELS[name], rng)
                decoder.reinit_feat()
                decoder.start_utt()
                decoder.process_raw(narrowband.with_image(for_recogniser(line)), False, True)
                decoder.end_utt()
                found.append([float(value) for value in decoder.get_cmn(True).split(",")])
    return np.asarray(np.mean(found, 0))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    matrix, mean = fitted(list(pairs(args.seed))), mean_cepstrum(args.seed)
    print(np.array2string(matrix, precision=3, suppress_small=True, max_line_width=120))
    print("mean", ",".join(f"{value:.2f}" for value in mean))
    place = (
        Path(narrowband.__file__).with_name(narrowband.FILE)
        if args.write
        else Path(tempfile.gettempdir()) / narrowband.FILE
    )
    np.savez(place, matrix=matrix.astype(np.float32), mean=mean.astype(np.float32))
    print(place)


if __name__ == "__main__":
    main()

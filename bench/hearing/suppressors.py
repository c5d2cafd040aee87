"""Noise suppression in front of the recogniser, as the settings offer it (`audio.processor`)."""

from typing import get_args

import numpy as np

from bench.hearing.channels import PACKET, Samples
from offhook.engines.processors import ProcessorName, make_processor

NAMES: tuple[str, ...] = get_args(ProcessorName)


def process(name: str, line: Samples) -> Samples:
    """The line's audio after the processor, as much as before. Raises EngineError if its package is missing."""
    processor = make_processor(name)
    if processor is None:
        return line
    packets = [line[at : at + PACKET] for at in range(0, len(line), PACKET)]
    done = [processor.process(packet.tobytes(), bytes(2 * len(packet))) for packet in packets]
    return np.frombuffer(b"".join(done), "<i2")

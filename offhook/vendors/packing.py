"""Audio in messages of a size that vendors like, without added delay. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Packing:
    """Sizes of messages, in milliseconds of audio.

    What arrives is sent at once if it has `min_ms` together with what was left before: a line's frames of 20 ms are not
    collected. More than `max_ms`, such as the audio before a turn was noticed, is divided.
    """

    min_ms: int = 20
    max_ms: int = 100


class Packer:
    """Divides one stream of audio of `bytes_per_s`; messages hold whole samples of `sample_bytes`."""

    def __init__(self, packing: Packing, bytes_per_s: int, sample_bytes: int = 1) -> None:
        self._min_bytes = max(sample_bytes, packing.min_ms * bytes_per_s // 1000)
        self._max_bytes = packing.max_ms * bytes_per_s // 1000 // sample_bytes * sample_bytes
        self._sample_bytes = sample_bytes
        self._rest = b""

    def push(self, audio: bytes) -> Iterator[bytes]:
        """The messages that are complete with `audio`."""
        audio = self._rest + audio if self._rest else audio
        whole = len(audio) // self._sample_bytes * self._sample_bytes
        if whole < self._min_bytes:
            self._rest = audio
            return
        self._rest = audio[whole:]
        at = 0
        while at < whole:
            size = min(self._max_bytes, whole - at)
            if 0 < whole - at - size < self._min_bytes:  # leave no crumb
                size = whole - at - self._min_bytes
            yield audio[at : at + size]
            at += size

    def flush(self) -> bytes:
        """What is left, in whole samples."""
        rest, self._rest = self._rest, b""
        return rest[: len(rest) // self._sample_bytes * self._sample_bytes]

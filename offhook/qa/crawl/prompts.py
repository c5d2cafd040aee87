"""The prompts that a crawl has heard, by their sounds. Pure."""

from collections.abc import Collection

from offhook.qa.verdict.fingerprint import HOP_MS, Frames, find, frames_of
from offhook.telephony.pcm import RATE_HZ

END_MS = 400.0
"""Two sounds end together if their ends are no further apart."""

WHOLE = 0.85
"""Two sounds are of the same length if the shorter is so much of the longer."""

MAX_SOUNDS = 500
"""So many different sounds end a crawl: each is compared with all others, and kept."""

MAX_KEPT_S = 60.0
"""Of a sound; what is longer is cut."""


class PromptBook:
    """All sounds, each under the number under which it was heard first.

    A sound is that of a prompt also where it ends with it, after a greeting or "I did not get that", or lacks its
    beginning: what was asked last is the same. Prompts after which the call ends are asked nothing: they have to be
    heard as a whole.
    """

    def __init__(self) -> None:
        self._frames: list[Frames] = []
        self.sounds: list[bytes] = []
        """16-bit PCM at 8 kHz."""

    def number_of(self, pcm: bytes, *, endings: Collection[int] = (), is_ending: bool = False) -> int:
        """The number of a sound, a new one if it was not heard before. `endings` are the numbers of those after which
        the call ended, `is_ending`: so it does after this one."""
        pcm = pcm[-round(MAX_KEPT_S * RATE_HZ) * 2 :]
        frames = frames_of(pcm)
        alike = [
            number
            for number, known in enumerate(self._frames)
            if is_same(known, frames, as_a_whole=is_ending or number in endings)
        ]
        if alike:
            return min(alike, key=lambda number: abs(len(self._frames[number]) - len(frames)))
        self._frames.append(frames)
        self.sounds.append(pcm)
        return len(self.sounds) - 1


def is_same(one: Frames, other: Frames, *, as_a_whole: bool) -> bool:
    """Whether one of two sounds ends with the other; `as_a_whole`: whether they are the same from the beginning on."""
    shorter, longer = sorted((one, other), key=len)
    if as_a_whole and len(shorter) < WHOLE * len(longer):
        return False
    for reference, heard in ((shorter, longer), (longer, shorter)):
        match = find(reference, heard)
        if match is not None and abs(match.ends_ms - HOP_MS * len(heard)) <= END_MS:
            return True
    return False

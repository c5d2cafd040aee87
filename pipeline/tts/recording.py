"""Recorded speech or music, ready for any line. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from offhook.pipeline.rates import NARROW_HZ, TICK_HZ
from offhook.pipeline.tts.clip import Clip
from offhook.pipeline.tts.pace import spread

SPEAKER = "recording"
"""Who says it, where a record names the engine."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A sound called `name`, as 16-bit mono PCM at each rate that a line may have (8000 and 16000 Hz); `text` is what
    is said in it, empty for music. It is shared by all calls that play it."""

    name: str
    pcm: Mapping[int, bytes] = field(repr=False)
    text: str = ""
    _encoded: dict[tuple[str, int], bytes] = field(default_factory=dict, init=False, repr=False)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm[NARROW_HZ]) / 2 / NARROW_HZ

    def payload(self, encoding: str, encode: Callable[[bytes], bytes], rate_hz: int) -> bytes:
        """In a line's encoding: made once for each."""
        key = encoding, rate_hz
        if key not in self._encoded:
            self._encoded[key] = encode(self.pcm[rate_hz])
        return self._encoded[key]

    def clip(self, text: str, encoding: str, encode: Callable[[bytes], bytes], rate_hz: int) -> Clip:
        """As speech of `text`, whose words are placed at an even pace."""
        ticks = len(self.pcm[rate_hz]) // 2 * TICK_HZ // rate_hz
        return Clip(self.payload(encoding, encode, rate_hz), ticks, spread(text, ticks), engine=SPEAKER)

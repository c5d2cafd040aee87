"""What a caller does, step by step: frozen values. Times are in milliseconds, levels in dB."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

SPEECH_DBFS = -20.0
"""The level (RMS) that what the caller says is brought to, with `level_db` 0."""


class Tone(NamedTuple):
    """A tone by the frequencies that sound at once, in several countries (ITU-T E.180), and how long it lasts."""

    frequencies_hz: tuple[tuple[int, ...], ...]
    at_least_ms: int
    at_most_ms: int | None
    """None: it is known once it has lasted for `at_least_ms`; else when it ends."""


TONES: dict[str, Tone] = {
    "ringback": Tone(((440, 480), (425,), (400, 450)), 800, 2_500),
    "busy": Tone(((480, 620), (425,)), 180, 700),
    "dial": Tone(((350, 440), (425,)), 3_000, None),
    "beep": Tone(((1_000,), (1_400,), (850,), (440,)), 90, 1_500),
    "fax": Tone(((2_100,), (1_100,)), 450, None),
}
"""What can be waited for."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Something to say: a `text` for the voice, a WAV file, or so many milliseconds of mumbling."""

    text: str = ""
    wav: str = ""
    mumble_ms: int = 0
    voice: str = ""
    level_db: float = 0.0
    """Louder or quieter than speech usually is."""

    def __str__(self) -> str:
        if self.mumble_ms:
            return f"mumble {self.mumble_ms} ms"
        return repr(self.text) if self.text else self.wav


Awaited = Literal["speech", "prompt", "words", "tone", "silence", "keys", "end"]


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for something of the far end, at the most `within_ms`.

    "speech": it has spoken, and paused. "prompt": it has spoken the prompt `what`. "words": what it has spoken has
    these words. "tone": one of `TONES`. "silence": nothing for `silence_ms`. "keys": it has pressed `what`. "end": it
    has hung up. `early`: the speech before the answer is meant (early media).
    """

    awaited: Awaited
    what: str = ""
    within_ms: int = 10_000
    silence_ms: int = 0
    early: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Say something; the next step follows when its last sample has left."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class Press:
    """Press keys, one after the other."""

    keys: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Speak, or press keys, `after_ms` after the far end has begun to speak."""

    after_ms: int
    speech: Speech | None = None
    keys: str = ""
    within_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class ChangeMind:
    """Say something, break off `after_ms`, and say something else after a pause of `pause_ms`."""

    first: Speech
    after_ms: int
    then: Speech
    pause_ms: int = 250


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise behind the caller from now on, at `level_dbfs`; None: none."""

    level_dbfs: float | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the call on hold for so long (re-INVITE, RFC 3264 §8.4)."""

    hold_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing."""

    wait_ms: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """Hang up."""


Step: TypeAlias = WaitFor | Say | Press | Interrupt | ChangeMind | Noise | Hold | Wait | HangUp


def speeches(step: Step) -> tuple[Speech, ...]:
    """What has to be spoken in a step."""
    match step:
        case Say(speech):
            return (speech,)
        case Interrupt(speech=Speech() as speech):
            return (speech,)
        case ChangeMind(first=first, then=then):
            return first, then
        case _:
            return ()

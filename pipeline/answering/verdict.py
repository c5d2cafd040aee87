"""What answered a call, and what else its audio says."""

from dataclasses import dataclass
from enum import StrEnum


class AnsweredBy(StrEnum):
    """Who, or what."""

    HUMAN = "human"
    VOICEMAIL = "voicemail"
    """A recorded greeting; also any other long speech that no words tell apart."""
    SCREENING = "screening"
    """A phone that asks who is calling, and why."""
    IVR = "ivr"
    """A menu of keys or words."""
    FAX = "fax"
    BUSY = "busy"
    REORDER = "reorder"
    """Congestion: the network has no way to the number now."""
    SIT = "sit"
    """Special information tones: the number is out of service, or the call cannot be completed."""
    SILENCE = "silence"
    """Nobody has spoken yet."""

    @property
    def is_machine(self) -> bool:
        """Whether it is a recording, or a program."""
        return self in _MACHINES

    @property
    def is_tone(self) -> bool:
        """Whether nobody will speak."""
        return self in _TONES


_MACHINES = frozenset({AnsweredBy.VOICEMAIL, AnsweredBy.SCREENING, AnsweredBy.IVR})
_TONES = frozenset({AnsweredBy.FAX, AnsweredBy.BUSY, AnsweredBy.REORDER, AnsweredBy.SIT})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who answered. `at_tick` is the audio time of the decision; `revised`: another one was given before."""

    by: AnsweredBy
    at_tick: int
    why: str
    revised: bool = False


@dataclass(frozen=True, slots=True)
class Ringing:
    """The called phone rings: once, at the first ringback tone."""

    at_tick: int


@dataclass(frozen=True, slots=True)
class Beep:
    """A voicemail records from now on: its tone has just ended, or, with `heard` False, its greeting is long over."""

    at_tick: int
    heard: bool = True


AnsweringEvent = Verdict | Ringing | Beep

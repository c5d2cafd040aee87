"""What happens to a caller (events), and what the interpreter asks of a call (commands). Frozen values; times in
seconds of one monotonic clock."""

from dataclasses import dataclass
from typing import TypeAlias

from offhook.qa.script.persona import Answer, Exchange, Heard
from offhook.qa.script.steps import Speech, Step


@dataclass(frozen=True, slots=True)
class BotBegan:
    """The far end begins to speak: its turn number `turn`, from 0."""

    turn: int
    at_s: float


@dataclass(frozen=True, slots=True)
class HeardPrompt:
    """A prompt of the script in what was heard: where it begins, how much of its beginning is missing, and how alike
    the two are, from 0 to 1."""

    name: str
    at_s: float
    missing_ms: float
    likeness: float


@dataclass(frozen=True, slots=True)
class BotSpoke:
    """A turn of the far end is over. `text` is None if no recogniser has listened."""

    turn: int
    began_s: float
    ended_s: float
    prompts: tuple[HeardPrompt, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """One of `steps.TONES` is heard."""

    name: str
    at_s: float


@dataclass(frozen=True, slots=True)
class KeyHeard:
    """The far end has pressed a key."""

    key: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Said:
    """All that was to be said and pressed has left."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; `by` is "bot" or "network"."""

    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a persona does, for the `Ask` of this number; `answers` are what the model wrote."""

    number: int
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...] = ()


Event: TypeAlias = BotBegan | BotSpoke | ToneHeard | KeyHeard | Said | Ended | Decided


@dataclass(frozen=True, slots=True)
class Play:
    """Say it, behind what is being said."""

    speech: Speech


@dataclass(frozen=True, slots=True)
class BreakOff:
    """Say no more of what is being said."""


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Press keys, behind what is being said."""

    keys: str


@dataclass(frozen=True, slots=True)
class Background:
    """Noise behind the caller, at that level; None: none."""

    level_dbfs: float | None


@dataclass(frozen=True, slots=True)
class SetHold:
    """Hold the call, or take it back."""

    on: bool


@dataclass(frozen=True, slots=True)
class EndCall:
    """Hang up."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the persona's model what it does, after what it has heard now and all that was before. `is_last`: it may not
    be asked again. An earlier one that is not decided is void."""

    number: int
    heard: Heard
    before: tuple[Exchange, ...]
    is_last: bool = False


Command: TypeAlias = Play | BreakOff | PressKeys | Background | SetHold | EndCall | Ask

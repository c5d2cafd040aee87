"""What was seen and heard of a call: one value, for the verdict and the report. Times in seconds since the INVITE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from offhook.qa.script.runner import Failure


@dataclass(frozen=True, slots=True)
class BotTurn:
    """Something that the far end said; `prompts` are (name, milliseconds of its beginning that are missing), and
    `prompts_began_s` when each of them was heard to begin."""

    began_s: float
    ended_s: float
    level_dbfs: float
    prompts: tuple[tuple[str, float], ...] = ()
    text: str | None = None
    prompts_began_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class CallerSound:
    """Something that the caller said or pressed: "speech", "mumble" or "keys"."""

    kind: str
    what: str
    began_s: float
    ended_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in the far end's speech: packets that did not come, or came late."""

    at_s: float
    gap_ms: float
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Repeated:
    """Something that the far end said again, at once: when it began to, and for how long it did."""

    at_s: float
    repeated_ms: float


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message, and whether the far end sent it."""

    at_s: float
    received: bool
    text: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What the bot asked the HTTP double."""

    at_s: float
    method: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class MediaFigures:
    """The far end's packets: `codecs` counts them by name; `sent` are the caller's. `agreed` is the codec of the
    session description, `drift_ppm` how much slower the far end's clock is (None: the call was too short to tell).
    `left_out` counts those beyond what one call may send (a flood)."""

    packets: int = 0
    lost: int = 0
    loss_percent: float = 0.0
    duplicates: int = 0
    jitter_ms: float = 0.0
    drift_ppm: float | None = None
    drift_error_ppm: float = 0.0
    clipping_percent: float = 0.0
    codecs: Mapping[str, int] = field(default_factory=dict)
    agreed: str = ""
    sent: int = 0
    sent_late_p99_ms: float = 0.0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ObservedCall:
    """One call. `answered_s` None: it was not. `ended_by` is "bot", "caller" or "network". `record` is that of an
    offhook bot, None if none was asked for or found."""

    answered_s: float | None
    ended_s: float
    ended_by: str
    why: str = ""
    status: int | None = None
    turns: tuple[BotTurn, ...] = ()
    sounds: tuple[CallerSound, ...] = ()
    gaps: tuple[Gap, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    keys: str = ""
    media: MediaFigures = field(default_factory=MediaFigures)
    messages: tuple[Message, ...] = ()
    transfer_to: str | None = None
    requests: tuple[HttpRequest, ...] = ()
    record: Mapping[str, Any] | None = None
    failure: Failure | None = None
    steps_done: int = 0

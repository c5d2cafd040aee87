"""What a script expects of a call: frozen values, and the table of what can be measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Measure(NamedTuple):
    """One figure of a call: what it is, for people, and its unit."""

    what: str
    unit: str


MEASURES: dict[str, Measure] = {
    "answer_ms": Measure("from the INVITE to the answer", "ms"),
    "first_sound_ms": Measure("from the answer to the far end's first sound", "ms"),
    "response_ms": Measure("from the end of what the caller said or pressed to the answer's first sound", "ms"),
    "barge_in_ms": Measure("from the caller's first sound over the far end to its last", "ms"),
    "gap_ms": Measure("a hole in the far end's speech", "ms"),
    "prompt_start_missing_ms": Measure("what is missing of a prompt's beginning", "ms"),
    "clipping_percent": Measure("samples of the far end's speech at full scale", "%"),
    "level_dbfs": Measure("the level of the far end's speech", "dBFS"),
    "loss_percent": Measure("packets of the far end that did not come", "%"),
    "jitter_ms": Measure("the jitter of the far end's packets (RFC 3550 §6.4.1)", "ms"),
    "drift_ppm": Measure("how far the far end's clock is from this machine's, as far as it is certain", "ppm"),
    "repeated_ms": Measure("what the far end said again at once, with no sound of the caller's in between", "ms"),
    "speech_s": Measure("how long the far end has spoken in all", "s"),
}
"""What `expect` can limit; of some there are several in a call, and each has to be within the limits."""


CODECS = ("PCMU", "PCMA")
"""What the caller offers, and so all that can be agreed on."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Bounds of a measure; None: there is none on that side."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        parts = []
        if self.at_least is not None:
            parts.append(f"at least {self.at_least:g}")
        if self.at_most is not None:
            parts.append(f"at most {self.at_most:g}")
        return " and ".join(parts)


@dataclass(frozen=True, slots=True)
class SipExpectation:
    """A message that the far end has to send in the call: a request's method or a response's status (`message`), with
    `headers` whose values contain these texts."""

    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    at_least: int = 1
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class RequestExpectation:
    """A request that the bot has to make to the HTTP double: method (empty: any), path, and a part of its body."""

    path: str
    method: str = ""
    body: str = ""
    at_least: int = 1
    at_most: int | None = None


@dataclass(frozen=True, slots=True)
class Expectations:
    """All that is expected of a call. None and empty: nothing.

    `status` is that of the response that refuses the call. `prompts` and `heard` are in order, others may come between.
    `bot_keys` are the keys that the far end pressed, `transfer_to` a part of the URI that it wants the caller to be
    connected to. `record`, `bot_said`, `caller_said`, `keys_received` (how many) and `steps` (of its dialog, in order)
    are compared with the record of an offhook bot.
    """

    limits: Mapping[str, Limit] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    codec: str | None = None
    status: int | None = None
    ended_by: str | None = None
    bot_keys: str | None = None
    transfer_to: str | None = None
    sip: tuple[SipExpectation, ...] = ()
    requests: tuple[RequestExpectation, ...] = ()
    record: Mapping[str, str] = field(default_factory=dict)
    bot_said: tuple[str, ...] = ()
    caller_said: tuple[str, ...] = ()
    keys_received: int | None = None
    steps: tuple[str, ...] = ()

    @property
    def needs_record(self) -> bool:
        """Whether only an offhook bot can tell."""
        return bool(self.record or self.bot_said or self.caller_said or self.steps) or self.keys_received is not None

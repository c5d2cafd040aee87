"""A test of a flow: what the caller does and hears, and how the call ends. Plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Does = Literal["hears", "begins_to_hear", "says", "presses", "waits", "sets", "hangs_up"]
MOVES: tuple[Does, ...] = ("hears", "begins_to_hear", "says", "presses", "waits", "sets", "hangs_up")

Ending = Literal["bot hangs up", "caller hangs up", "transferred"]
ENDINGS: tuple[Ending, ...] = ("bot hangs up", "caller hangs up", "transferred")


@dataclass(frozen=True, slots=True)
class Move:
    """One thing that the caller does, or waits to hear: a text, keys, or seconds; or a switch that somebody sets
    meanwhile, as `emergency on`. `line` is that of the file."""

    does: Does
    what: str
    line: int

    @property
    def setting(self) -> tuple[str, str] | None:
        """The switch that is set, and to what; None: none is."""
        if self.does != "sets":
            return None
        name, value = self.what.split(maxsplit=1)
        return name, value


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers: JSON with status 200, another status, or nothing until the time is up (None). For a
    function any other status means that it raises."""

    text: str = "null"
    status: int | None = 200


@dataclass(frozen=True, slots=True)
class Sent:
    """A request: METHOD and address, its headers, and the JSON that it has (null: none), or, as JSON, the fields of its
    `form`. As an expectation `content` None stands for any, and `headers` are some of them."""

    what: str
    content: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    form: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What has to be true at the end; None: it is not looked at. `requests` are in their order."""

    ends: Ending | None = None
    transferred_to: str | None = None
    steps: tuple[str, ...] | None = None
    requests: tuple[Sent, ...] | None = None
    never_said: tuple[str, ...] = ()
    reason: str | None = None
    """That the flow gives for the end; "" for none."""

    @property
    def awaits_end(self) -> bool:
        """Whether the caller stays on the line when everything is said."""
        by_bot = self.ends in ("bot hangs up", "transferred")
        return by_bot or self.transferred_to is not None or self.reason is not None


@dataclass(frozen=True, slots=True)
class Case:
    """One call. `replies` are by METHOD and address, one for each time that it is asked, the last from then on;
    `functions` by MODULE:NAME, `transfer_ends` by target and `queue_ends` by queue (see `ends`) likewise. `now` is
    the time of the flow's expressions (None: the real one); without `transfers` each transfer fails, without `secrets`
    none is asked for; `switches` are set to these values at first."""

    name: str
    line: int
    talk: tuple[Move, ...]
    expected: Expected = Expected()
    caller: str = "sip:caller@example.com"
    called: str = "sip:bot@example.com"
    language: str = "en-US"
    variables: Mapping[str, str] = field(default_factory=dict)
    replies: Mapping[str, tuple[Reply, ...]] = field(default_factory=dict)
    now: datetime | None = None
    functions: Mapping[str, tuple[Reply, ...]] = field(default_factory=dict)
    transfers: bool = True
    switches: Mapping[str, str] = field(default_factory=dict)
    transfer_ends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    queue_ends: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: bool = True

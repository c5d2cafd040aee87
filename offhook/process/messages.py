"""What supervisor, workers and fork server send each other; the user agent's commands and events travel as they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from offhook.api.call import Dialog
from offhook.calls.conversation import Listener
from offhook.engines.engine_set import EngineSet
from offhook.observe.live_events import LiveEvent
from offhook.observe.refusals import Refusal
from offhook.pipeline.errors import EngineError
from offhook.process.lifespan import Lifespan
from offhook.records import CallRecord, TranscriptLine
from offhook.records.timeline import Events
from offhook.settings.config import Config
from offhook.sip.commands import Command
from offhook.sip.net.address import Address
from offhook.usererror import Problem, UserError

MakeEngines: TypeAlias = Callable[[Config], EngineSet]

# From the supervisor to a worker.


@dataclass(frozen=True, slots=True)
class Welcome:
    """Where the signalling is bound: the first message to a worker. With `warm_start` it takes calls as soon as it can
    greet, and its recogniser may come a little later: the worker before it has died."""

    sip_address: Address
    warm_start: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A call over a socket that is connected and was checked; the socket's descriptor comes with it.

    `initial` are the bytes that were already read from it, `meta` is what the checks found out.
    """

    call: str
    initial: bytes
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """What the carrier says has become of a call over a stream, in Twilio's words."""

    call_sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The answer to `Claim`: whether the name is the call's now."""

    call: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """The answer to `Admit`: None where the call may begin."""

    call: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Quit:
    """Hang up all calls, and end the process when they are over."""


class Topic(StrEnum):
    """What a worker may be asked for."""

    METRICS = "metrics"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a `Reply` with this number."""

    number: int
    topic: Topic


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody looks at the calls (`LiveFeed.watch`): report what happens in them as `Happened`."""

    details_of: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to `Begin` and `Finish`: whether it is in the database."""

    number: int
    ok: bool


# From a worker to the supervisor.


@dataclass(frozen=True, slots=True)
class Claim:
    """The far end of a stream has said which call it is; answered with `Claimed`. No two calls have the same name."""

    call: str
    call_sid: str


@dataclass(frozen=True, slots=True)
class Admit:
    """A call wants to begin that did not come through the supervisor; answered with `Admitted`."""

    call: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The call over a stream is about to end: should its carrier ask, it is to get no other stream."""

    call: str


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing of the call is left in the worker."""

    call: str


CallMessage: TypeAlias = Command | Admit | Claim | Closing | Over
"""What a worker says about one of its calls: what the user agent should do, or what has become of it."""


@dataclass(frozen=True, slots=True)
class Begin:
    """`RecordStore.begin`; answered with `Written`."""

    number: int
    record: CallRecord


@dataclass(frozen=True, slots=True)
class Lines:
    """`RecordStore.turn`, for each (uniqueid, line)."""

    lines: tuple[tuple[str, TranscriptLine], ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """`RecordStore.timeline`."""

    uniqueid: str
    events: Events


@dataclass(frozen=True, slots=True)
class Happened:
    """What happens in a call while somebody looks."""

    uniqueid: str
    event: LiveEvent


@dataclass(frozen=True, slots=True)
class Finish:
    """`RecordStore.finish`; answered with `Written`."""

    number: int
    record: CallRecord


@dataclass(frozen=True, slots=True)
class Ready:
    """The engines run: calls may come."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker could not start, and ends: an engine's fault, or problems that the user can put right."""

    engine: EngineError | None = None
    problems: tuple[Problem, ...] = ()

    def error(self) -> EngineError | UserError:
        """What to raise."""
        return self.engine if self.engine is not None else UserError.of(self.problems)


@dataclass(frozen=True, slots=True)
class Report:
    """How a worker fares, a few times a second.

    `cpu`: its use of one core, 0 to 1 and more with threads; `lag_s`: the 95th percentile of its event loop's lag
    over the last seconds; `late_ticks`: of its media clock, since the last report; `room`: calls that descriptors and
    memory still suffice for; `ports`: free pairs, for calls that need one; `behind_s`: audio that has come and has not
    been listened to, in the mean of its calls.
    """

    calls: int
    cpu: float
    lag_s: float
    lag_max_s: float
    late_ticks: int
    room: int
    ports: int
    behind_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What was asked for: metrics (`metrics_snapshot.Snapshot`), or the live state as plain values."""

    number: int
    content: Mapping[Any, Any]


# Between supervisor and fork server.


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is made of: `config` has its share of ports and recognisers.

    `lifespan` is entered in the worker before its first call, and left after its last one. `engines` makes the worker's
    engines of its settings. Neither crosses a channel: a worker is forked with them.
    """

    index: int
    config: Config
    dialog: Dialog
    lifespan: Lifespan | None = None
    engines: MakeEngines = EngineSet
    listeners: list[Listener] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Spawn:
    """Fork worker `index`; its end of the channel comes as descriptor."""

    index: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End a worker by force."""

    pid: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has been forked."""

    index: int
    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker is gone; `status` as of `os.waitstatus_to_exitcode`: below zero a signal."""

    index: int
    pid: int
    status: int

"""What supervisor, workers and fork server send each other; the user agent's commands and events travel as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from offhook.api.call import Dialog
from offhook.observe.live_events import LiveEvent
from offhook.observe.metrics_snapshot import Snapshot
from offhook.pipeline.errors import EngineError
from offhook.records import CallRecord, TranscriptLine
from offhook.records.timeline import Events
from offhook.settings.config import Config
from offhook.sip.commands import Command
from offhook.sip.net.address import Address
from offhook.usererror import Problem, UserError

# From the supervisor to a worker.


@dataclass(frozen=True, slots=True)
class Welcome:
    """Where the signalling is bound: the first message to a worker. In a `hurry` it is to take calls as soon as it can
    greet: the one before it has died."""

    sip_address: Address
    hurry: bool = False


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
class Quit:
    """Hang up all calls, and end the process when they are over."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send `Numbers`."""

    number: int


@dataclass(frozen=True, slots=True)
class Watch:
    """Somebody looks at the calls (`LiveFeed.watch`): tell what happens in them as `Happened`."""

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
class Closing:
    """The call over a stream is about to end: should its carrier ask, it is to get no other stream."""

    call: str


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing of the call is left in the worker."""

    call: str


CallMessage: TypeAlias = Command | Claim | Closing | Over
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
class Numbers:
    """A worker's metrics; `number` is that of the `Ask`."""

    number: int
    snapshot: Snapshot


# Between supervisor and nursery.


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker is made of: `config` has its share of ports and recognisers."""

    index: int
    config: Config
    dialog: Dialog


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

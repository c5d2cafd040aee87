"""Messages between supervisor, workers and fork server, beside the user agent's commands and events."""

from collections.abc import Callable, Mapping, MutableSequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from offhook.api.agent import CallAgent
from offhook.api.call import Dialog
from offhook.calls.services import Listener
from offhook.calls.switches import SwitchSettings
from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.place_call import LegWanted
from offhook.engines.engine_set import EngineSet
from offhook.observe.live_events import LiveEvent
from offhook.observe.refusals import Refusal
from offhook.pipeline.chain.table import Cells
from offhook.pipeline.errors import EngineError
from offhook.process.lifespan import Lifespan
from offhook.queues.messages import ToOwner
from offhook.records import CallRecord, TranscriptLine
from offhook.records.outbox import OutboxEvent
from offhook.records.timeline import Events
from offhook.settings.config import Config
from offhook.sip.commands import Command
from offhook.sip.events import Event
from offhook.sip.net.address import Address
from offhook.usererror import Problem, UserError

MakeEngines: TypeAlias = Callable[[Config], EngineSet]

# From the supervisor to a worker.


@dataclass(frozen=True, slots=True)
class Welcome:
    """The first message to a worker: where the signalling is bound. With `warm_start`, after a worker died, it takes
    calls as soon as its voice is ready; the recogniser may follow a little later."""

    sip_address: Address
    warm_start: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A call over a connected, authenticated socket, whose descriptor comes with the message.

    `initial` are the bytes already read from it, `meta` is what the checks found.
    """

    call: str
    initial: bytes
    meta: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A status that the carrier reports for a call over a stream, in Twilio's words."""

    call_sid: str
    status: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """The reply to `Claim`: whether the call got the name."""

    call: str
    granted: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """The reply to `Admit`: None if the call is admitted."""

    call: str
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Quit:
    """Hang up all calls, and exit when they are over."""


class Topic(StrEnum):
    """What the supervisor can ask of a worker."""

    METRICS = "metrics"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a `Reply` with this number."""

    number: int
    topic: Topic


@dataclass(frozen=True, slots=True)
class Watch:
    """The calls are being watched (`LiveFeed.watch`): report their events as `Happened`."""

    details_of: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class SwitchesSet:
    """What the switches of flows are set to from now on."""

    settings: SwitchSettings


@dataclass(frozen=True, slots=True)
class Execute:
    """A command for the user agent that the worker has."""

    command: Command


@dataclass(frozen=True, slots=True)
class Written:
    """The reply to `Begin`, `Finish`, `Notify` and `Complete`: whether it would survive a crash."""

    number: int
    ok: bool


# From a worker to the supervisor.


@dataclass(frozen=True, slots=True)
class Claim:
    """A stream's far end has named its call; answered with `Claimed`. A name belongs to one call only."""

    call: str
    call_sid: str


@dataclass(frozen=True, slots=True)
class Admit:
    """Asks to admit a call that did not come through the supervisor; answered with `Admitted`."""

    call: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The call over a stream is about to end, and must not be resumed."""

    call: str


@dataclass(frozen=True, slots=True)
class Over:
    """The worker has released the call."""

    call: str


@dataclass(frozen=True, slots=True)
class SignallingReady:
    """The worker has a user agent, which takes commands from now on, and `most_calls` at once."""

    most_calls: int


@dataclass(frozen=True, slots=True)
class Signalled:
    """The user agent that the worker has reports something."""

    event: Event | Probed


CallMessage: TypeAlias = Command | LegWanted | ToOwner | Admit | Claim | Closing | Over | Signalled | SignallingReady
"""A worker's message about one of its calls: a command for the user agent, or a report; or from its own user agent."""


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
class Notify:
    """`RecordStore.notify`; answered with `Written`."""

    number: int
    event: OutboxEvent


@dataclass(frozen=True, slots=True)
class Complete:
    """`RecordStore.complete`; answered with `Written`."""

    number: int
    event_id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a watched call."""

    uniqueid: str
    event: LiveEvent


@dataclass(frozen=True, slots=True)
class Finish:
    """`RecordStore.finish`; answered with `Written`."""

    number: int
    record: CallRecord


@dataclass(frozen=True, slots=True)
class Ready:
    """The engines run: the worker accepts calls."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The worker could not start, and exits: an engine failed, or the user must fix something."""

    engine: EngineError | None = None
    problems: tuple[Problem, ...] = ()

    def error(self) -> EngineError | UserError:
        """The error to raise."""
        return self.engine if self.engine is not None else UserError.of(self.problems)


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's load, a few times a second.

    `cpu`: use of one core, 0 to 1, more with threads; `lag_s`: the 95th percentile of its event loop's lag over the
    last seconds; `late_ticks`: of its media clock, since the last report; `room`: further calls that descriptors and
    memory allow; `ports`: free port pairs; `behind_s`: received audio that the detector has not processed, averaged
    over its calls.
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
    """The reply to `Ask`: metrics (`metrics_snapshot.Snapshot`), or the live state as plain values."""

    number: int
    content: Mapping[Any, Any]


# Between supervisor and fork server.


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """All that a worker needs: `config` has its share of ports and recognisers.

    `lifespan` is entered in the worker before its first call, and left after its last one. `engines` makes the worker's
    engines from its settings. Neither crosses a channel: the worker is forked with them.
    """

    index: int
    config: Config
    dialog: Dialog | CallAgent
    lifespan: Lifespan | None = None
    engines: MakeEngines = EngineSet
    listeners: list[Listener] = field(default_factory=list)
    ports: MutableSequence[int] | None = None
    """The table of all workers' media ports (`shared_ports`)."""
    engines_table: Cells | None = None
    """What all workers know about their engines (`shared_cells`)."""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Fork worker `index`; its end of the channel comes as a descriptor."""

    index: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill a worker."""

    pid: int


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has been forked."""

    index: int
    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker has exited; `status` as from `os.waitstatus_to_exitcode`: a negative one is a signal."""

    index: int
    pid: int
    status: int

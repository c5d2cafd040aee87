"""What workers want done for their calls: SIP commands, other calls, names, room for a call that has come to them."""

from collections.abc import Callable

from offhook.calls.directory import CallDirectory
from offhook.carriers.place_call import LegWanted
from offhook.observe.refusals import RefusalLog
from offhook.process.call_admission import CallAdmission
from offhook.process.calls_out import CallsOut
from offhook.process.messages import Admit, Admitted, Claim, Claimed, Closing, Over
from offhook.process.placements import Placement, Placements
from offhook.process.queues import Queues
from offhook.process.worker_handle import WorkerHandle
from offhook.queues.messages import ToOwner
from offhook.sip.commands import Answer, Cancel, Command, Invite, Ring


class WorkerRequests:
    """Carries them out. `do` has the user agent execute a command."""

    def __init__(
        self,
        placements: Placements,
        admission: CallAdmission,
        calls_out: CallsOut,
        directory: CallDirectory,
        refusals: RefusalLog,
        queues: Queues,
        do: Callable[[Command], None],
    ) -> None:
        self._placements = placements
        self._admission = admission
        self._calls_out = calls_out
        self._directory = directory
        self._refusals = refusals
        self._queues = queues
        self._do = do

    def handle(
        self, worker: WorkerHandle, message: Command | Admit | LegWanted | ToOwner | Claim | Closing | Over
    ) -> None:
        """Do what a worker wants for one of its calls."""
        match message:
            case Admit():
                self._admit(worker, message)
            case LegWanted():
                self._leg(worker, message)
            case _:
                self._placed(worker, message)

    def _placed(self, worker: WorkerHandle, message: Command | ToOwner | Claim | Closing | Over) -> None:
        placement = self._placements.get(message.call)
        if placement is None or placement.worker is not worker:
            return  # the call was moved to another worker, or has ended
        match message:
            case Claim(call, name):
                worker.send(Claimed(call, self._directory.claim(name, call)))
            case Closing(call):
                self._directory.release(call)
            case _ if isinstance(message, ToOwner):
                self._queues.handle(message)
            case Over(call):
                self._placements.remove(call)
            case Answer() | Ring(sdp=bytes()):
                placement.invite = None  # what the far end has been notified of our media holds for this worker alone
                self._do(message)
            case Invite() if message.call in self._calls_out:
                self._calls_out.invite(message)
            case Cancel() if message.call in self._calls_out:
                self._calls_out.cancel(message)
            case _:
                self._do(message)

    def _leg(self, worker: WorkerHandle, wanted: LegWanted) -> None:
        """A worker calls somebody, for one of its calls."""
        worker.take(wanted.call)
        self._placements.add(wanted.call, Placement(worker, None, is_leg=True))
        self._calls_out.leg(wanted)

    def _admit(self, worker: WorkerHandle, message: Admit) -> None:
        refusal = self._admission.closed() or worker.refusal(ports=False)
        if refusal is not None:
            self._refusals.refused(refusal, "other")
            worker.send(Admitted(message.call, refusal))
        elif worker.give(message.call, Admitted(message.call, None)):
            self._placements.add(message.call, Placement(worker, None))

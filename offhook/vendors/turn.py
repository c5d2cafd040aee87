"""One turn of a caller on a connection to a vendor.

A vendor's file derives from `VendorTurn` and says how its messages read:

    class Turn(VendorTurn):
        def begin(self): ...            # a connection has been taken: forget what the last one said, send the set-up
        def read(self, message): ...    # call self.finals.interim, .segment, .complete; self.report_endpoint
        def force(self): ...            # what makes the vendor finish: Finalize, ForceEndpoint, commit
        def pack(self, audio): ...      # the message for a piece of audio, if it is not the audio itself

If the connection breaks, the turn's audio is sent again on another one, `retries` times, from its start or from
`settled_bytes` on: no word is lost and none is doubled. `renew` does so before the vendor's limit. Afterwards the
connection goes back to the pool if the vendor has finished with the turn and `reuses`; otherwise it is closed, so that
nothing of one caller can reach another.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from offhook.pipeline.asr.engine import AsrRequest, EndpointReport, OnEndpoint, OnPartial, Transcript
from offhook.pipeline.errors import EngineError
from offhook.vendors.connection import Connection, Message
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.finals import Finals, FinalWait, LateFinal, OnLate
from offhook.vendors.keyterms import Preference
from offhook.vendors.packing import Packer, Packing
from offhook.vendors.pool import Pool
from offhook.vendors.target import Target

_log = structlog.get_logger("offhook.vendors")


def log_late(name: str) -> OnLate:
    """Writes late finals to the log, without their words."""

    def on_late(late: LateFinal) -> None:
        _log.info("late_final", engine=name, delay_ms=round(1000 * late.delay_s), changes=late.changes)

    return on_late


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """How an engine handles its turns. `bytes_per_s` and `sample_bytes` describe its audio; `on_late` gets finals that
    came too late (None: they are dropped), and so does the request's with `corrects`."""

    name: str
    bytes_per_s: int
    sample_bytes: int = 1
    packing: Packing = field(default_factory=Packing)
    wait: FinalWait = field(default_factory=FinalWait)
    retries: int = 2
    reuses: bool = True
    on_late: OnLate | None = None
    corrects: bool = True
    on_audio: Callable[[float], None] | None = None
    """Gets the seconds of audio of each turn, sent twice or not: what the vendor bills."""

    preference: Preference = field(default_factory=Preference)
    """The words that a turn prefers."""

    def of_turn(self, request: AsrRequest, preference: Preference) -> "TurnOptions":
        """Those of one turn, whose request may want late finals, too, unless they are dropped."""
        known, wanted = self.on_late, request.on_late if self.corrects else None

        def tell(late: LateFinal) -> None:
            if known is not None:
                known(late)
            if wanted is not None:
                wanted(late.transcript)

        return replace(self, on_late=None if known is None else tell, preference=preference)


class VendorTurn:
    """`AsrStream`, see the module."""

    def __init__(
        self,
        pool: Pool,
        target: Target,
        options: TurnOptions,
        on_partial: OnPartial,
        on_endpoint: OnEndpoint | None = None,
    ) -> None:
        self.options = options
        self.finals = Finals(options.name, options.wait, on_partial, options.on_late)
        self.is_finishing = False
        """Whether the vendor has been told to finish."""
        self.first_byte = 0
        """The connection's position in bytes of audio at which this turn begins."""
        self.settled_bytes = 0
        """Audio at the turn's start whose segments are settled. It is not sent again, and the segments are kept."""
        self._pool = pool
        self._target = target
        self._on_endpoint = on_endpoint
        self._retries = options.retries
        self._audio = bytearray()
        self._packer = Packer(options.packing, options.bytes_per_s, options.sample_bytes)
        self._over = self._is_released = False
        self.connection = self._take()

    # For the vendor's file.

    def begin(self) -> None:
        """A connection has been taken."""

    def read(self, message: Message) -> None:
        """The vendor's next message."""
        raise NotImplementedError

    def force(self) -> Message | None:
        """What makes the vendor finish."""
        raise NotImplementedError

    def pack(self, audio: bytes) -> Message:
        """The message for a piece of audio."""
        return audio

    @property
    def has_ended(self) -> bool:
        """Whether the vendor, which has closed the connection, has told everything; for one that closes it then."""
        return False

    def report_endpoint(self, report: EndpointReport) -> None:
        """What the vendor thinks about the end of the turn."""
        if self._on_endpoint is not None and not self.is_finishing and not self._over:
            self._on_endpoint(report)

    def renew(self) -> None:
        """Go on with another connection, which gets what is not settled."""
        self._pool.drop(self.connection)
        self.finals.restart(keeps_segments=self.settled_bytes > 0)
        self.connection = self._take()
        self.send_again()

    def send_again(self) -> None:
        """Send what is not settled once more: on another connection, or as another request."""
        self._packer.flush()
        for piece in self._packer.push(bytes(self._audio[self.settled_bytes :])):
            self.connection.send(self.pack(piece))
        if self.is_finishing:
            self._send_end()

    @property
    def error(self) -> EngineError | None:
        """See ObservableAsrStream: the vendor cannot be reached any more."""
        return self.finals.error

    @property
    def sent_s(self) -> float:
        """Seconds of audio of this turn that the vendor has been given, on this connection."""
        return (self.connection.sent_bytes - self.first_byte) / self.options.bytes_per_s

    # AsrStream.

    def feed(self, pcm: bytes) -> None:
        """Take audio in the engine's encoding. Never blocks."""
        if self._over or self.is_finishing:
            return
        self._audio += pcm
        for piece in self._packer.push(pcm):
            self.connection.send(self.pack(piece))

    async def finish(self) -> Transcript:
        """The vendor's final, or the latest partial. Raises EngineError, EngineTimeout."""
        self.is_finishing = True
        self._send_end()
        try:
            return await self.finals.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            self._leave()

    def cancel(self) -> None:
        """Drop the turn. Idempotent; a pending `finish` raises EngineError."""
        self.finals.fail(EngineError(self.options.name, "recognising", "it was cancelled"))
        self._release(clean=False)

    # Receiver.

    def on_message(self, message: Message) -> None:
        """See Receiver."""
        self.read(message)
        if self._over and self.finals.is_complete and self.connection.receiver is self:
            self._release(clean=True)  # late

    def on_lost(self, error: EngineError) -> None:
        """See Receiver."""
        if self.is_finishing and self.has_ended:
            self.finals.complete()
        if self._over:
            self._release(clean=False)
            return
        if self.finals.is_complete:
            return  # `finish` has not been told yet
        if self._retries <= 0 or self._pool.is_closed or isinstance(error, VendorRefusedError):
            self.finals.fail(error)
            return
        self._retries -= 1
        self.renew()

    def _take(self) -> Connection:
        connection = self.connection = self._pool.take(self._target)
        connection.receiver = self
        self.first_byte = connection.sent_bytes
        keyterms, message = self.options.preference.keyterms, self.options.preference.message
        if message is not None and connection.keyterms != keyterms:
            connection.keyterms = keyterms
            connection.send(message)
        self.begin()
        return connection

    def _send_end(self) -> None:
        rest = self._packer.flush()
        if rest:
            self.connection.send(self.pack(rest))
        message = self.force()
        if message is not None:
            self.connection.send(message)

    def _leave(self) -> None:
        """The result is out. A vendor that still owes its final is listened to for a while."""
        if self._over:
            return
        self._over = True
        if self.finals.is_complete or self.connection.error is not None:
            self._release(clean=self.finals.is_complete)
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.options.wait.late_s, self._give_up)

    def _give_up(self) -> None:
        if self.connection.receiver is self:
            self._release(clean=False)

    def _release(self, *, clean: bool) -> None:
        if self._is_released:
            return
        self._over = self._is_released = True
        if self.options.on_audio is not None:
            self.options.on_audio(len(self._audio) / self.options.bytes_per_s)
        if clean and self.options.reuses:
            self._pool.give_back(self.connection)
        else:
            self._pool.drop(self.connection)

"""One call that came in: its signalling, its media, its conversation and its record, from INVITE to the end."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any

import structlog

from offhook.call import Call, CallEnded, Dialog
from offhook.config import Config
from offhook.engines import EngineSet
from offhook.media import rtp_config
from offhook.metrics import Metrics
from offhook.records import EndedBy, RecordingWriter, RecordStore
from offhook.scribe import Scribe
from offhook.tape import Tape
from pipeline.errors import EngineError
from pipeline.session import Session
from pipeline.trace import SessionEvent
from pipeline.turn.core import TurnCore, TurnSettings
from sip.errors import LocalError, RemoteError
from sip.events import EndCause, IncomingCall
from sip.net.endpoint import Endpoint
from sip.sdp.negotiate import (
    AudioCapabilities,
    LocalMedia,
    NegotiatedAudio,
    accept_answer,
    answer_offer,
    make_offer,
)
from telephony.errors import LocalError as MediaError
from telephony.net.clock import MediaClock
from telephony.net.ports import PortPair, PortPool, PortsExhaustedError
from telephony.net.udp_line import UdpLine
from telephony.rtp.config import RtpConfig

RECORD_WAIT_S = 0.5  # for the row that outlives us; a database slower than that does not keep a caller waiting
RECORDING_WAIT_S = 5.0  # for a recording's last samples; a disk slower than that does not keep the call's place
CODECS = AudioCapabilities()

ENDINGS = {
    EndCause.REMOTE_BYE: (EndedBy.CALLER, "caller hung up"),
    EndCause.LOCAL_BYE: (EndedBy.BOT, "bot hung up"),
    EndCause.ACK_TIMEOUT: (EndedBy.NETWORK, "the answer was never acknowledged"),
    EndCause.TIMEOUT: (EndedBy.NETWORK, "the far end no longer answers"),
    EndCause.TRANSPORT: (EndedBy.NETWORK, "the far end cannot be reached"),
}

Listener = Callable[[str, SessionEvent], None]
"""(the call's id, what happened)."""


@dataclass(slots=True)
class Services:
    """What the calls of one node share."""

    config: Config
    endpoint: Endpoint
    ports: PortPool
    clock: MediaClock
    engines: EngineSet
    store: RecordStore
    metrics: Metrics
    recordings: RecordingWriter | None
    dialog: Dialog
    listeners: list[Listener]


class InboundCall:
    """The life of one call. `on_over(self)` is called once, when nothing of it is left."""

    def __init__(self, services: Services, event: IncomingCall, on_over: Callable[["InboundCall"], None]) -> None:
        self.handle = event.call
        self._services = services
        self._event = event
        self._on_over = on_over
        self._scribe = Scribe(
            services.store, services.metrics, src=event.from_uri, dst=event.to_uri, call_id=event.call_id
        )
        self.id = self._scribe.uniqueid
        self._log = structlog.get_logger("offhook.call").bind(call=self.id)
        self._tasks: set[asyncio.Task[None]] = set()
        self._pair: PortPair | None = None
        self._line: UdpLine | None = None
        self._session: Session | None = None
        self._call: Call | None = None
        self._tape: Tape | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._media = LocalMedia(_local_host(services, event), 0, secrets.randbits(31), 1)
        self._offer: bytes | None = None  # ours, waiting for the answer in an ACK
        self._answered = False
        self._why: tuple[EndedBy, str] | None = None  # we hang up
        self._over = False
        self._books: asyncio.Task[None] | None = None

    # From the signalling.

    def accept(self) -> None:
        """Negotiate and answer, or refuse with the status that says why."""
        try:
            pair = self._pair = self._services.ports.acquire(monotonic())
        except (PortsExhaustedError, OSError) as error:
            self._log.error("no media ports", error=str(error))
            self._refuse(503)
            return
        self._media = LocalMedia(self._media.host, pair.port, self._media.session_id, 1)
        try:
            if self._event.sdp is None:
                sdp = self._offer = make_offer(self._media, CODECS)
            else:
                sdp, audio = answer_offer(self._event.sdp, self._media, CODECS)
                self._open_line(audio)
        except RemoteError as error:
            self._refuse(error.status)
            return
        except MediaError as error:
            self._log.info("the offer asks for what the line cannot do", error=str(error))
            self._refuse(488)
            return
        self._spawn(self._answer(sdp))

    async def _answer(self, sdp: bytes) -> None:
        if delay_ms := self._services.config.calls.answer_delay_ms:
            self._services.endpoint.run(lambda ua, now: ua.ring(self.handle, now))
            await asyncio.sleep(delay_ms / 1000)
        recordings = self._services.recordings
        path = recordings.path_of(self.id).resolve() if recordings is not None else None
        row = asyncio.wrap_future(self._scribe.answered(path))
        await asyncio.wait((row,), timeout=RECORD_WAIT_S)
        if self._over:
            return
        self._answered = True
        if self._line is not None:
            # From now on, not from the ACK: the caller's first packets may overtake it.
            self._line.start()
        self._services.endpoint.run(lambda ua, now: ua.answer(self.handle, sdp, now))

    def confirmed(self, sdp: bytes | None) -> None:
        """The ACK is there; `sdp` is the far end's answer where the offer was ours."""
        try:
            if self._offer is not None:
                offer, self._offer = self._offer, None
                audio = accept_answer(offer, sdp or b"", CODECS)
                if self._line is None:
                    self._open_line(audio)
                else:
                    self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)
        except (RemoteError, MediaError) as error:
            self.hang_up(EndedBy.NETWORK, f"the answer in the ACK cannot be used: {error}")
            return
        if self._call is None and self._line is not None:
            self._line.start()
            try:
                self._converse(self._line)
            except EngineError as error:
                self._log.error("no conversation", error=str(error))
                self.hang_up(EndedBy.BOT, f"an engine failed: {error}")

    def reinvited(self, sdp: bytes | None) -> None:
        """A re-INVITE: another address, another codec, hold; without SDP it asks for our offer."""
        media = self._media
        self._media = media = LocalMedia(media.host, media.port, media.session_id, media.version + 1)
        endpoint = self._services.endpoint
        try:
            if sdp is None:
                answer = self._offer = make_offer(media, CODECS)
            else:
                answer, audio = answer_offer(sdp, media, CODECS)
                self._offer = None  # of an earlier re-INVITE that came to nothing
                if self._line is not None:
                    self._line.reconfigure(self._rtp(audio), audio.codec, audio.receive_payload_types)
        except (RemoteError, MediaError) as error:
            # RFC 3261 §14.2: the session goes on as it was.
            status = error.status if isinstance(error, RemoteError) else 488
            endpoint.run(lambda ua, now: ua.reject_reinvite(self.handle, status, now))
            return
        endpoint.run(lambda ua, now: ua.answer_reinvite(self.handle, answer, now))

    def cancelled(self) -> None:
        """The caller gave up before the answer."""
        if not self._scribe.begun:
            self._scribe.refused(487)
        self._finish(EndedBy.CALLER, "cancelled before it was answered")

    def ended(self, cause: EndCause) -> None:
        """The dialog is gone."""
        self._finish(*(self._why or ENDINGS[cause]))

    def hang_up(self, by: EndedBy, reason: str) -> None:
        """End the call from our side."""
        if self._over:
            return
        # The BYE's own CallEnded comes back before `run` returns.
        self._why = by, reason
        # Where the signalling has lost the call (a dead socket), what is ours is to be freed all the same.
        with suppress(LocalError):
            if self._answered:
                self._services.endpoint.run(lambda ua, now: ua.bye(self.handle, now))
            else:
                self._services.endpoint.run(lambda ua, now: ua.reject(self.handle, 503, now))
        if not self._scribe.begun:
            self._scribe.refused(503)
        self._finish(by, reason)

    # The conversation.

    def _open_line(self, audio: NegotiatedAudio) -> None:
        assert self._pair is not None, "the ports come before the line"
        rtp = self._services.config.rtp
        self._line = UdpLine(
            self._pair,
            self._rtp(audio),
            audio.codec,
            receive_codecs=audio.receive_payload_types,
            clock=self._services.clock,
            media_timeout_s=rtp.media_timeout_s,
            first_media_timeout_s=rtp.first_media_timeout_s,
        )
        self._line.on_silent = self._on_silent

    def _rtp(self, audio: NegotiatedAudio) -> RtpConfig:
        return rtp_config(audio, self._event.source.host)

    def _converse(self, line: UdpLine) -> None:
        services, config = self._services, self._services.config
        core = TurnCore(
            TurnSettings(
                resume_after_ms=config.turn.resume_after_ms,
                max_turn_ms=config.turn.max_turn_ms,
                recogniser_timeout_ms=int(1000 * config.asr.timeout_s),
            )
        )
        self._session = Session(line, services.engines.for_call(config), core, self._on_event)
        if services.recordings is not None:
            self._tape = Tape(services.recordings, self.id, line)
        self._call = Call(
            self._session,
            call_id=self.id,
            caller=self._event.from_uri,
            called=self._event.to_uri,
            headers=self._event.headers,
            silence_ms=config.turn.silence_ms,
            no_input_ms=config.turn.no_input_ms,
            on_hangup=lambda: self.hang_up(EndedBy.BOT, "bot hung up"),
        )
        self._limit = asyncio.get_running_loop().call_later(
            config.calls.max_call_s,
            self.hang_up,
            EndedBy.OPERATOR,
            f"the call lasted {config.calls.max_call_s:g} s, the most that is allowed",
        )
        self._spawn(self._run_dialog(self._call))

    async def _run_dialog(self, call: Call) -> None:
        try:
            await self._services.dialog(call)
            await call.hangup()
        except CallEnded:
            pass
        except Exception:  # noqa: BLE001
            # A dialog is the user's code: whatever it raises ends this call and no other.
            self._log.exception("the dialog failed")
            self.hang_up(EndedBy.BOT, "the dialog failed")
        finally:
            # A dialog may also end by being cancelled from within: nobody would talk to the caller any more.
            self.hang_up(EndedBy.BOT, "bot hung up")

    def _on_event(self, event: SessionEvent) -> None:
        self._scribe.on_event(event)
        for listener in self._services.listeners:
            try:
                listener(self.id, event)
            except Exception:  # noqa: BLE001
                # Who watches a call must not be able to break it.
                self._log.exception("a listener failed")

    def _on_silent(self) -> None:
        rtp = self._services.config.rtp
        never = self._line is not None and self._line.stats().last_received_at is None
        timeout_s = rtp.first_media_timeout_s if never else rtp.media_timeout_s
        self.hang_up(EndedBy.NETWORK, f"no media for {timeout_s:g} s")

    # The end.

    def _refuse(self, status: int) -> None:
        headers = (("Retry-After", "10"),) if status == 503 else ()
        self._services.endpoint.run(lambda ua, now: ua.reject(self.handle, status, now, headers=headers))
        self._scribe.refused(status)
        self._over = True
        self._free()
        self._on_over(self)

    def _finish(self, by: EndedBy, reason: str) -> None:
        if self._over:
            return
        self._over = True
        if self._call is not None:
            self._call.end()
        if self._session is not None:
            self._session.close()
        rtp = asdict(self._line.stats()) if self._line is not None else {}
        numbers = {name: float(value) for name, value in rtp.items() if isinstance(value, int | float)}
        self._free()
        # Not among the tasks that end with the call: it is what is left to do after them.
        self._books = asyncio.get_running_loop().create_task(self._close_books(by, reason, numbers))

    async def _close_books(self, by: EndedBy, reason: str, rtp: dict[str, float]) -> None:
        if self._scribe.begun:
            recording = None
            if self._tape is not None:
                done, _ = await asyncio.wait((asyncio.wrap_future(self._tape.close()),), timeout=RECORDING_WAIT_S)
                recording = next((future.result() for future in done), None)
            row = self._scribe.ended(by, reason, rtp=rtp, recording=recording, answered=self._answered)
            await asyncio.wait((asyncio.wrap_future(row),), timeout=RECORD_WAIT_S)
        self._on_over(self)

    def _free(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        if self._line is not None:
            self._line.close()
        elif self._pair is not None:
            self._pair.release(monotonic())
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def dump(self) -> dict[str, object]:
        """The live state, for people."""
        return {
            "id": self.id,
            "answered": self._answered,
            "session": self._session.dump() if self._session is not None else None,
            "line": self._line.dump() if self._line is not None else None,
        }


def _local_host(services: Services, event: IncomingCall) -> str:
    """The address to put in SDP: the advertised one, the bound one, or the one that reaches the caller."""
    sip = services.config.sip
    if sip.advertised_host:
        return sip.advertised_host
    bound = services.endpoint.address.host
    if bound not in ("0.0.0.0", "::"):
        return bound
    family = socket.AF_INET6 if ":" in event.source.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((event.source.host, event.source.port))  # sends nothing: asks the routing table
            return str(probe.getsockname()[0])
    except OSError:
        return bound  # there is no way to the caller, whatever the SDP says

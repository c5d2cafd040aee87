"""Calls over a socket: what the web server asks of the bot for them (`web.upgrade.StreamTaker`)."""

import secrets
import socket
from collections.abc import Callable, Mapping

from offhook.calls.directory import CallDirectory
from offhook.observe.refusals import Refusal, RefusalLog
from offhook.process.call_admission import CallAdmission
from offhook.process.messages import Stream, StreamStatus
from offhook.process.placements import WORKER_GONE, Placement, Placements


class StreamIntake:
    """Of a bot. `on_status(call SID, Twilio's status)` is called with what a carrier reports about a call."""

    def __init__(
        self,
        admission: CallAdmission,
        placements: Placements,
        directory: CallDirectory,
        refusals: RefusalLog,
        on_status: Callable[[str, str], None],
    ) -> None:
        self._admission = admission
        self._placements = placements
        self._directory = directory
        self._refusals = refusals
        self._on_status = on_status

    def stream_refusal(self) -> str | None:
        """Why a call over a stream would be refused now; None: it would be taken."""
        chosen = self._admission.choose(ports=False)
        return chosen.why if isinstance(chosen, Refusal) else None

    def stream_refused(self) -> None:
        """Count a refused call over a stream."""
        chosen = self._admission.choose(ports=False)
        self._refusals.refused(chosen if isinstance(chosen, Refusal) else WORKER_GONE, "ws")

    def take_stream(self, sock: socket.socket, initial: bytes, meta: Mapping[str, str]) -> bool:
        """Hand a call over a connected, checked socket to a worker; False if none takes it. Closes the socket here.

        `initial` are the bytes already read from it.
        """
        with sock:
            name = meta.get("call_sid", "")
            before, call = self._named(name), secrets.token_hex(8)
            chosen = self._admission.choose(ports=False) if before is None else before.worker
            if isinstance(chosen, Refusal) or not chosen.give(call, Stream(call, initial, dict(meta)), sock.fileno()):
                return False
            self._placements.add(call, Placement(chosen, None))
            if before is None and name:
                self._directory.claim(name, call)
            return True

    def may_resume(self, call_sid: str) -> bool:
        """Whether a call that lost its stream may get another one."""
        return self._named(call_sid) is not None

    def call_status(self, call_sid: str, status: str) -> None:
        """Handle a call status that the carrier reports."""
        if (placement := self._named(call_sid)) is not None:
            placement.worker.send(StreamStatus(call_sid, status))
        self._on_status(call_sid, status)

    def _named(self, call_sid: str) -> Placement | None:
        return self._placements.get(self._directory.find(call_sid) or "")

"""The process that forks the workers: small, without threads or an event loop, so that forking is always safe.

It is forked before anything is started. Its workers find everything imported, and all that the program has made so far
(a dialog that is a closure, for instance).
"""

import os
import select
import signal
import socket
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

import structlog

from offhook.process.channel import (
    MAX_MESSAGE_BYTES,
    channel_pair,
    close_all,
    encode,
    receive_packet,
    send_packet,
)
from offhook.process.end_signals import ENDING
from offhook.process.messages import Exited, Kill, Spawn, Started, WorkerSpec

LEFT_ALONE_S = 10.0
"""How long workers may take to exit once the supervisor is gone."""

Work = Callable[[WorkerSpec, socket.socket], int]
"""Runs a worker on its end of the channel; returns its exit status."""


def start_fork_server(specs: Sequence[WorkerSpec], work: Work) -> tuple[socket.socket, int]:
    """Fork the server; returns the supervisor's end of its channel, and its process id.

    It exits once that end is closed and its workers have exited; wait for it then. Raises OSError.
    """
    ours, theirs = channel_pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _in_child(lambda: _ForkServer(theirs, specs, work).run())
    theirs.close()
    return ours, pid


def _in_child(what: Callable[[], int]) -> None:
    """Never returns: the child must not run on into its parent's code."""
    status = 1
    try:
        status = what()
    except BaseException:  # noqa: BLE001  # nothing above catches it, not even SystemExit
        traceback.print_exc()
    finally:
        os._exit(status)


class _ForkServer:
    def __init__(self, control: socket.socket, specs: Sequence[WorkerSpec], work: Work) -> None:
        self._control = control
        self._specs = specs
        self._work = work
        self._children: dict[int, int] = {}  # pid to index
        self._buffer = bytearray(MAX_MESSAGE_BYTES)

    def run(self) -> int:
        name_process("offhook-forker")
        woken, wake = os.pipe()
        for fd in (woken, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        # By handlers, not by SIG_IGN, which child programs would inherit. Ctrl-C goes to all processes of the
        # terminal, and systemd's SIGTERM to all of the service, but only the supervisor acts on them.
        for number in (signal.SIGCHLD, *ENDING):
            signal.signal(number, _nothing)
        while True:
            readable, _, _ = select.select((self._control.fileno(), woken), (), ())
            if woken in readable:
                os.read(woken, 4_096)
            self._reap()
            if self._control.fileno() in readable and not self._execute():
                return self._end()

    def _execute(self) -> bool:
        """Handle one message; False when the supervisor is gone."""
        try:
            message, fds = receive_packet(self._control, self._buffer)
        except (EOFError, OSError):
            return False
        match message:
            case Spawn(index) if len(fds) == 1:
                self._spawn(index, socket.socket(fileno=fds[0]))
            case Kill(pid) if pid in self._children:  # not reaped yet: the pid is still valid
                os.kill(pid, signal.SIGKILL)
            case _:
                close_all(fds)
        return True

    def _spawn(self, index: int, channel: socket.socket) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            # Too many processes, or no memory: the closed channel reads like a worker that died at its start.
            structlog.get_logger("offhook.process").error("a worker cannot be forked", error=str(error))
            channel.close()
            return
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            name_process(f"offhook-work-{index}")
            _in_child(lambda: self._work(self._specs[index], channel))
        channel.close()
        self._children[pid] = index
        self._report(Started(index, pid))

    def _reap(self) -> None:
        for pid, index in list(self._children.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                del self._children[pid]
                self._report(Exited(index, pid, os.waitstatus_to_exitcode(status)))

    def _report(self, message: Started | Exited) -> None:
        with suppress(OSError):  # the supervisor is gone: `_execute` sees it
            send_packet(self._control, encode(message))

    def _end(self) -> int:
        deadline = monotonic() + LEFT_ALONE_S
        while self._children and monotonic() < deadline:
            select.select((), (), (), 0.05)
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        return 0


def _nothing(*_: object) -> None:
    """A handler that does nothing."""


def name_process(name: str) -> None:
    """Set the name that `ps` and `top` show, up to 15 characters; does nothing without /proc."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")

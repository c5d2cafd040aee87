"""Which process a call belongs to, and whether that process is still there."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/PID/stat behind the name (proc(5): fields 3 and 22)


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, told apart from any later one with the same number.

    `boot` and `namespace` say in which world `pid` means anything (a machine since it was started, a
    container); `started` is in clock ticks since that boot. Empty and 0 where there is no /proc.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: int

    @classmethod
    def current(cls) -> Self:
        """This process."""
        pid = os.getpid()
        found = _stat(pid)
        return cls(socket.gethostname(), _boot_id(), _pid_namespace(), pid, found[1] if found else 0)

    def seen_running(self, observer: "ProcessIdentity") -> bool | None:
        """Whether it runs, as `observer`, which must be the current process, can tell; None if it cannot.

        It can where both live in the same PID namespace of the same boot.
        """
        known = self.boot and self.namespace and self.started
        if not known or (self.boot, self.namespace) != (observer.boot, observer.namespace):
            return None
        found = _stat(self.pid)
        if found is None:
            return None if _exists(self.pid) else False
        state, started = found
        return started == self.started and state not in "ZX"  # killed, but not yet waited for: gone all the same


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name stands in parentheses and may contain any character: only the last one counts.
    values = text.rpartition(")")[2].split()
    return values[_STATE_FIELD], int(values[_START_FIELD])


def _exists(pid: int) -> bool:
    # /proc may be mounted with hidepid: another user's process is invisible there, but still has its number.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""

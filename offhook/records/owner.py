"""The process that owns a call, and whether it is still running."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_STATE_FIELD, _START_FIELD = 0, 19  # in /proc/PID/stat after the name (proc(5): fields 3 and 22)


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process, distinguished from any later one with the same pid.

    `pid` is valid within `boot` and `namespace` (a machine since its start, a container); `started` is in clock ticks
    since that boot. Empty and 0 without /proc.
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
        """Whether it runs, as seen from `observer`, which must be the current process; None if unknown.

        It is known if both share a PID namespace and a boot.
        """
        known = self.boot and self.namespace and self.started
        if not known or (self.boot, self.namespace) != (observer.boot, observer.namespace):
            return None
        found = _stat(self.pid)
        if found is None:
            return None if _exists(self.pid) else False
        state, started = found
        return started == self.started and state not in "ZX"  # killed but not yet reaped: gone all the same


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The name is in parentheses and may contain some itself: only the last one counts.
    values = text.rpartition(")")[2].split()
    return values[_STATE_FIELD], int(values[_START_FIELD])


def _exists(pid: int) -> bool:
    # With hidepid another user's process is invisible in /proc, but its pid still exists.
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

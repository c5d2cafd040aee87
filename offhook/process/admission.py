"""Admission control: whether a worker may take another call, from its reports and its calls since. Pure.

A worker's report is about the past: it lacks the calls given since, and its CPU figure has them for part of the time
only. Those calls are added at the measured cost of a call. Only a lasting load is overload: call set-up takes a burst
of work, and other programs share the machine. A full worker recovers well below the limit, to avoid oscillation
(RFC 5390 §4).
"""

from collections import deque
from dataclasses import dataclass

from offhook.observe.refusals import Reason, Refusal
from offhook.process.messages import Report

CPU_WINDOW_S = 1.0
SUSTAINED_S = 1.5
"""How long calls must be impaired, or the CPU be used up, to count as overload."""
WHOLE_CORE = 1.0
"""New calls are too many at once when the expected total exceeds this."""
RECOVERED_S = 1.0
"""How long there must be no sign of overload before calls are accepted again."""
RECOVERED_SHARE = 0.85
"""Share of the CPU limit below which a worker has recovered."""

FEW_CALLS = 8
"""With fewer calls a lag is caused by other programs, and refusing calls would not end it."""
FIRST_CALL_CPU = 0.004
"""Assumed cost of a call before it can be measured."""
ANY_CALLS_CPU = 0.05
"""The fixed cost of carrying any calls at all, not counted per call."""
OWN_SHARE = 0.5
"""Share of the CPU limit below which a worker is late because of other programs on its core."""
OTHERS_DOING = 5
"""In that case refusing calls helps little: it is done only at this multiple of the allowed lag."""
LATE_TICKS_PER_CALL = 1.0
"""Late packets a second (of 50) in each call above which the audio audibly suffers."""

BEHIND_S = 0.08
"""Backlog of the detector: more than two frames in each call, where half a frame is usual."""


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Where a worker is full.

    `cpu`: of one core; `lag_s`: its event loop's, 95th percentile; `setups_per_s`: new calls; `slots`: what each call
    over SIP takes one of.
    """

    cpu: float = 0.95
    lag_s: float = 0.1
    setups_per_s: int = 100
    slots: str = "RTP ports"


class WorkerLoad:
    """One worker's load."""

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._reports: deque[tuple[float, Report]] = deque()
        self._accepted: deque[tuple[float, bool]] = deque()  # in the last second: when, and whether it needs ports
        self._calls = 0
        self._call_cpu = FIRST_CALL_CPU
        self._sign_since: float | None = None
        self._overload_at: float | None = None
        self._overload: Refusal | None = None  # the latest sign of it

    @property
    def latest(self) -> Report | None:
        """The latest report."""
        return self._reports[-1][1] if self._reports else None

    @property
    def cpu(self) -> float:
        """Mean CPU use over the last second."""
        if not self._reports:
            return 0.0
        return sum(report.cpu for _, report in self._reports) / len(self._reports)

    def reported(self, report: Report, now: float) -> None:
        """Take in a report."""
        self._reports.append((now, report))
        while self._reports[0][0] <= now - CPU_WINDOW_S:
            self._reports.popleft()
        if report.calls >= FEW_CALLS and not self._set_ups(now):
            # Measured only while no call is being set up, which costs more.
            self._call_cpu = max(FIRST_CALL_CPU, (self.cpu - ANY_CALLS_CPU) / report.calls)
        self._judge(now)

    def accepted(self, now: float, *, ports: bool = True) -> None:
        """The worker is given a call, which needs `ports` or not."""
        self._accepted.append((now, ports))
        self._calls += 1
        self._judge(now)

    def released(self) -> None:
        """A call is over."""
        self._calls -= 1

    def room(self, *, ports: bool = True) -> int:
        """How many more calls its descriptors, its memory and (with `ports`) its ports allow."""
        report = self.latest
        if report is None:
            return 0
        unseen = max(0, self._calls - report.calls)
        room = report.room - unseen
        if not ports:
            return room
        with_ports = min(unseen, sum(needs_ports for _, needs_ports in self._accepted)) if unseen else 0
        return min(room, report.ports - with_ports)

    @property
    def setups_per_s(self) -> int:
        """How many new calls it may be given in a second."""
        return self._limits.setups_per_s

    @property
    def cpu_room(self) -> int:
        """How many more calls its CPU use allows, at the measured cost of a call."""
        expected = self.cpu + self._unseen() * self._call_cpu
        return max(0, int((self._limits.cpu - expected) / self._call_cpu))

    def refusal(self, now: float, *, ports: bool = True) -> Refusal | None:
        """Why it may take no further call now; with `ports`, none that needs a port pair."""
        if self.room(ports=False) <= 0:
            return Refusal(Reason.RESOURCES, "its descriptors or its memory are used up")
        if ports and self.room() <= 0:
            return Refusal(Reason.PORTS, f"its {self._limits.slots} are used up")
        if self._set_ups(now) >= self._limits.setups_per_s:
            why = f"it was given {self._limits.setups_per_s} calls within a second"
            return Refusal(Reason.SETUPS, why)
        overloaded = self._overload_at is not None and now - self._overload_at < RECOVERED_S
        return self._overload if overloaded else None

    def _judge(self, now: float) -> None:
        sign = self._sign()
        if sign is None:
            self._sign_since = None
        elif self._sign_since is None:
            self._sign_since = now
        unseen = self._unseen()
        expected = self.cpu + unseen * self._call_cpu
        if self._sign_since is not None and now - self._sign_since >= SUSTAINED_S:
            self._overload_at, self._overload = now, sign
        elif unseen and expected >= WHOLE_CORE:
            why = f"its latest calls would bring it to {expected:.0%} of a core"
            self._overload_at, self._overload = now, Refusal(Reason.CPU, why)
        elif self._overload_at is not None and now - self._overload_at >= RECOVERED_S:
            self._overload_at = None
        elif self._overload_at is not None and (sign or expected > RECOVERED_SHARE * self._limits.cpu):
            self._overload_at = now  # not recovered yet

    def _sign(self) -> Refusal | None:
        report = self.latest
        if report is None:
            return None
        if self.cpu >= self._limits.cpu:
            return Refusal(Reason.CPU, f"it uses {self.cpu:.0%} of a core")
        if report.calls < FEW_CALLS:
            return None
        if report.behind_s >= BEHIND_S:
            return Refusal(Reason.LISTENING, f"its speech detector is {1000 * report.behind_s:.0f} ms behind")
        own_doing = self.cpu >= OWN_SHARE * self._limits.cpu
        if report.lag_s >= self._limits.lag_s * (1 if own_doing else OTHERS_DOING):
            return Refusal(Reason.EVENT_LOOP, f"its event loop is {1000 * report.lag_s:.0f} ms late")
        late = sum(each.late_ticks for _, each in self._reports)
        if late > LATE_TICKS_PER_CALL * report.calls:
            return Refusal(Reason.LATE_PACKETS, f"{late} packets were late within a second")
        return None

    def _unseen(self) -> float:
        """Calls missing from the CPU figure: those above the mean number while it was measured."""
        if not self._reports:
            return self._calls
        return max(0.0, self._calls - sum(report.calls for _, report in self._reports) / len(self._reports))

    def _set_ups(self, now: float) -> int:
        while self._accepted and self._accepted[0][0] <= now - 1.0:
            self._accepted.popleft()
        return len(self._accepted)

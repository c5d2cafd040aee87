"""Admission control: whether a worker may have another call, by its reports and by what it was given since. Pure.

A worker's report is about the past: calls that have come since are not in it, and in its use of the CPU they are only
for a part of the time. What is missing counts with what a call has cost so far. A moment is no overload: setting
calls up takes a burst of work, and other programs share the machine. Only what lasts is. Full is taken back well below
the limit, so that it does not flutter (RFC 5390 §4: oscillation).
"""

from collections import deque
from dataclasses import dataclass

from offhook.observe.refusals import Reason, Refusal
from offhook.process.messages import Report

CPU_WINDOW_S = 1.0
SUSTAINED_S = 1.5
"""How long the calls must suffer, or the CPU be used up, before that is overload."""
WHOLE_CORE = 1.0
"""Calls that were just given are too many, at once, where all together would use more than there is."""
RECOVERED_S = 1.0
"""How long there must be no sign of overload before calls are taken again."""
RECOVERED_SHARE = 0.85
"""Of the CPU limit: below it there is no sign of overload."""

FEW_CALLS = 8
"""So few calls are no overload: a lag is then some other program's, and refusing calls would not end it."""
FIRST_CALL_CPU = 0.004
"""What a call is taken to cost before that can be measured."""
ANY_CALLS_CPU = 0.05
"""What goes on while there is any call, however many there are: one more does not cost that again."""
OWN_SHARE = 0.5
"""Of the CPU limit: a worker that uses less is late because of others on its core."""
OTHERS_DOING = 5
"""Then refusing calls helps little, and is done only when it is so many times as late as allowed."""
LATE_TICKS_PER_CALL = 1.0
"""A second: more late packets than that in each call (of 50) can be heard."""

BEHIND_S = 0.08
"""So much audio that waits to be listened to is more than two frames in each call, where half of one is usual."""


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Where a worker is full.

    `cpu`: of one core; `lag_s`: its event loop's, 95th percentile; `setups_per_s`: new calls.
    """

    cpu: float = 0.95
    lag_s: float = 0.1
    setups_per_s: int = 100


class WorkerLoad:
    """One worker's load."""

    def __init__(self, limits: LoadLimits) -> None:
        self._limits = limits
        self._reports: deque[tuple[float, Report]] = deque()
        self._accepted: deque[tuple[float, bool]] = deque()  # within the last second: when, and whether it needs ports
        self._calls = 0
        self._call_cpu = FIRST_CALL_CPU
        self._sign_since: float | None = None
        self._overload_at: float | None = None
        self._overload: Refusal | None = None  # what the last sign of it was

    @property
    def latest(self) -> Report | None:
        """The latest report."""
        return self._reports[-1][1] if self._reports else None

    @property
    def cpu(self) -> float:
        """The mean of the last second."""
        if not self._reports:
            return 0.0
        return sum(report.cpu for _, report in self._reports) / len(self._reports)

    def reported(self, report: Report, now: float) -> None:
        """A report has come."""
        self._reports.append((now, report))
        while self._reports[0][0] <= now - CPU_WINDOW_S:
            self._reports.popleft()
        if report.calls >= FEW_CALLS and not self._set_ups(now):
            # Measured while none is being set up: that costs more, and once.
            self._call_cpu = max(FIRST_CALL_CPU, (self.cpu - ANY_CALLS_CPU) / report.calls)
        self._judge(now)

    def accepted(self, now: float, *, ports: bool = True) -> None:
        """A call is given to it, which needs `ports` or not."""
        self._accepted.append((now, ports))
        self._calls += 1
        self._judge(now)

    def released(self) -> None:
        """A call is over."""
        self._calls -= 1

    def room(self, *, ports: bool = True) -> int:
        """Calls that its descriptors and memory, and unless they need none its ports, still suffice for."""
        report = self.latest
        if report is None:
            return 0
        unseen = max(0, self._calls - report.calls)
        room = report.room - unseen
        if not ports:
            return room
        with_ports = min(unseen, sum(needs_ports for _, needs_ports in self._accepted)) if unseen else 0
        return min(room, report.ports - with_ports)

    def refusal(self, now: float, *, ports: bool = True) -> Refusal | None:
        """Why it is to get no further call now; with `ports`, none that needs a pair of them."""
        if self.room(ports=False) <= 0:
            return Refusal(Reason.RESOURCES, "its descriptors or its memory are used up")
        if ports and self.room() <= 0:
            return Refusal(Reason.PORTS, "its RTP ports are used up")
        if self._set_ups(now) >= self._limits.setups_per_s:
            why = f"it has been given {self._limits.setups_per_s} calls within a second"
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
            why = f"with its latest calls it would use {expected:.0%} of a core"
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
            return Refusal(Reason.LISTENING, f"it listens {1000 * report.behind_s:.0f} ms behind")
        own_doing = self.cpu >= OWN_SHARE * self._limits.cpu
        if report.lag_s >= self._limits.lag_s * (1 if own_doing else OTHERS_DOING):
            return Refusal(Reason.EVENT_LOOP, f"its event loop is {1000 * report.lag_s:.0f} ms late")
        late = sum(each.late_ticks for _, each in self._reports)
        if late > LATE_TICKS_PER_CALL * report.calls:
            return Refusal(Reason.LATE_PACKETS, f"{late} packets of a second were late")
        return None

    def _unseen(self) -> float:
        """Calls that are not in the CPU's use: so many more than there were on average while it was measured."""
        if not self._reports:
            return self._calls
        return max(0.0, self._calls - sum(report.calls for _, report in self._reports) / len(self._reports))

    def _set_ups(self, now: float) -> int:
        while self._accepted and self._accepted[0][0] <= now - 1.0:
            self._accepted.popleft()
        return len(self._accepted)

"""Prometheus metrics behind a typed interface. No value chosen by a remote becomes a label."""

import platform
from collections.abc import Iterable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from offhook.observe.engine_metrics import RESPONSE_BUCKETS_S, EngineMetrics
from offhook.observe.queue_metrics import QueueMetrics

CONTENT_TYPE = CONTENT_TYPE_LATEST

Direction = Literal["inbound", "outbound"]
"""Of a call."""
Way = Literal["received", "sent"]
"""Of packets and messages."""
Stage = Literal["likely", "endpoint", "asr", "model", "dialog", "clause", "tts", "playout", "onset", "arrival", "total"]
"""Stages of a response; `total` is from the caller's last word to the bot's first packet. `onset` and `arrival` come
after it: until the answer is audible, and has arrived."""

OUTCOMES = ("completed", "rejected", "busy", "cancelled", "no_answer", "failed", "crash")
TRANSPORTS = ("udp", "tcp", "tls", "ws")

_BARGEIN_BUCKETS_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0)
_LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


def _known(value: str, allowed: Iterable[str]) -> str:
    # Remotes choose methods and transports; they must not control the number of series.
    return value if value in allowed else "other"


class Metrics(EngineMetrics, QueueMetrics):
    """All metrics of a process, in their own registry. Methods are cheap, and thread-safe.

    `alone` is false in one of several processes shown together: metrics that may exist only once are left out.
    """

    def __init__(self, version: str = "", *, alone: bool = True) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        if alone:
            ProcessCollector(registry=self.registry)
            Info("offhook_build", "What is running.", registry=self.registry).info(
                {"version": version, "python": platform.python_version()}
            )
        self._define_calls()
        self._define_media()
        self._define_machinery()
        self._define_workers()
        self._define_queues()

    def _define_calls(self) -> None:
        reg = self.registry
        self._active = Gauge("offhook_calls_active", "Calls going on now.", registry=reg)
        self._calls = Counter("offhook_calls", "Calls that ended.", ["direction", "transport", "outcome"], registry=reg)
        self._refusals = Counter(
            "offhook_calls_refused", "Calls that the bot turned away, by why.", ["reason"], registry=reg
        )
        self._out = Counter(
            "offhook_calls_out",
            "Calls that the bot placed, by what became of them.",
            ["trunk", "outcome"],
            registry=reg,
        )
        self._response = Histogram(
            "offhook_turn_response_seconds",
            "From the caller's last word to the bot's first, by stage.",
            ["stage"],
            buckets=RESPONSE_BUCKETS_S,
            registry=reg,
        )
        self._bargein = Histogram(
            "offhook_bargein_stop_seconds",
            "From the caller's first sound to the bot's silence.",
            buckets=_BARGEIN_BUCKETS_S,
            registry=reg,
        )

        self._resumed = Counter(
            "offhook_bargein_resumed",
            "Times that the bot paused for a sound that was no speech, and went on.",
            registry=reg,
        )
        self._filled = Counter(
            "offhook_silence_filled",
            "Fillers that the bot said, by what the caller waited for.",
            ["stage"],
            registry=reg,
        )
        self._stalled = Counter(
            "offhook_stage_stalled",
            "Times that a stage was silent for so long that it was given up.",
            ["stage"],
            registry=reg,
        )
        prepared = Counter(
            "offhook_prepared_characters",
            "Characters of speech that was synthesised in advance, and then said or not.",
            ["used"],
            registry=reg,
        )
        self._prepared = {True: prepared.labels("yes"), False: prepared.labels("no")}

    def _define_media(self) -> None:
        reg = self.registry
        packets = Counter("offhook_rtp_packets", "RTP packets.", ["direction"], registry=reg)
        self._rtp = {"received": packets.labels("received"), "sent": packets.labels("sent")}
        self._lost = Counter("offhook_rtp_lost_packets", "RTP packets that never came.", registry=reg)
        self._ticks = Counter("offhook_media_ticks", "Packets that were due to be sent.", registry=reg)
        self._late_ticks = Counter(
            "offhook_media_late_ticks", "Packets that left more than 5 ms late, or not at all for that.", registry=reg
        )
        self._underruns = Counter(
            "offhook_media_underruns", "Times that the bot's voice broke off because audio came too late.", registry=reg
        )
        self._stalls = Counter(
            "offhook_media_stalls", "Times that the bot's voice broke off because the pacing stood still.", registry=reg
        )
        self._dead_air = Counter(
            "offhook_dead_air",
            "Times that nothing came on a line for too long: never anything, or nothing any more.",
            ["kind"],
            registry=reg,
        )
        self._truncated = Counter(
            "offhook_recordings_truncated", "Recordings that lack a part of the call.", registry=reg
        )

    def _define_machinery(self) -> None:
        reg = self.registry
        self._asr_failures = Counter(
            "offhook_asr_failures", "Turns that the recogniser failed to transcribe.", registry=reg
        )
        self._define_engines()
        messages = Counter("offhook_sip_messages", "SIP messages, keep-alives apart.", ["direction"], registry=reg)
        self._sip = {"received": messages.labels("received"), "sent": messages.labels("sent")}
        self._sip_bad = Counter("offhook_sip_malformed", "SIP messages that could not be read.", registry=reg)
        self._sip_unread = Counter(
            "offhook_sip_unread", "Requests dropped unread: over a source's share.", registry=reg
        )
        self._sip_refused = Counter(
            "offhook_sip_refused",
            "SIP requests that the signalling refused by itself.",
            ["status"],
            registry=reg,
        )
        self._registrations = Gauge(
            "offhook_registrations", "The state of each trunk: 1.", ["trunk", "state"], registry=reg
        )
        self._trunk_problem = Gauge(
            "offhook_trunk_problem", "Why a trunk cannot be used: 1.", ["trunk", "problem"], registry=reg
        )
        self._trunk_there = Gauge("offhook_trunk_there", "Whether a trunk answers OPTIONS: 1.", ["trunk"], registry=reg)
        self._trunk_answer = Gauge(
            "offhook_trunk_answer_seconds", "How long a trunk's latest answer took.", ["trunk"], registry=reg
        )
        self._record_errors = Counter(
            "offhook_record_errors",
            "Attempts to write call records that failed and are tried again.",
            registry=reg,
        )
        self._records_dropped = Counter("offhook_records_dropped", "Call records given up for lost.", registry=reg)
        self._outbox = Counter(
            "offhook_outbox_events",
            "Attempts to deliver events of calls, and events that were given up.",
            ["receiver", "outcome"],
            registry=reg,
        )
        self._outbox_waiting = Gauge(
            "offhook_outbox_waiting", "Events that are not delivered yet.", ["receiver"], registry=reg
        )
        self._outbox_bytes = Gauge("offhook_outbox_waiting_bytes", "Their bodies together.", ["receiver"], registry=reg)
        self._outbox_oldest = Gauge(
            "offhook_outbox_oldest_seconds", "How long the oldest of them has waited.", ["receiver"], registry=reg
        )
        self._lag = Histogram(
            "offhook_event_loop_lag_seconds",
            "How late the event loop ran what was due.",
            buckets=_LAG_BUCKETS_S,
            registry=reg,
        )
        self._tasks = Gauge("offhook_tasks", "Asyncio tasks.", registry=reg)
        self._loop_stalls = Counter(
            "offhook_event_loop_stalls", "Times that the event loop stood still for 200 ms or more.", registry=reg
        )

    def _define_workers(self) -> None:
        reg = self.registry
        self._worker_ready = Gauge("offhook_worker_ready", "Whether a worker takes part: 1.", ["worker"], registry=reg)
        self._worker_calls = Gauge("offhook_worker_calls", "Calls of a worker.", ["worker"], registry=reg)
        self._worker_cpu = Gauge("offhook_worker_cpu_ratio", "A worker's use of one core.", ["worker"], registry=reg)
        self._worker_lag = Gauge(
            "offhook_worker_event_loop_lag_seconds",
            "How late a worker's event loop is: the 95th percentile of the last seconds.",
            ["worker"],
            registry=reg,
        )
        self._worker_restarts = Counter(
            "offhook_worker_restarts", "Workers that died and were replaced.", ["worker"], registry=reg
        )

    def call_started(self) -> None:
        """A call began: it was answered, or we are setting it up."""
        self._active.inc()

    def call_ended(self, direction: Direction, transport: str, outcome: str) -> None:
        """The end of a call for which `call_started` was called."""
        self._active.dec()
        self.call_refused(direction, transport, outcome)

    def call_refused(self, direction: Direction, transport: str, outcome: str) -> None:
        """A call that never became active. Unlisted outcomes and transports count as "other"."""
        transport = _known(transport.lower(), TRANSPORTS)
        self._calls.labels(direction, transport, _known(outcome, OUTCOMES)).inc()

    def call_out(self, trunk: str, outcome: str) -> None:
        """The outcome of a call that the bot placed. `trunk` is a name from the settings, or empty."""
        self._out.labels(trunk, outcome).inc()

    def refusal(self, reason: str) -> None:
        """A refused call, by its `Reason`."""
        self._refusals.labels(reason).inc()

    def turn_response(self, stage: Stage, seconds: float) -> None:
        """One stage of one answer."""
        self._response.labels(stage).observe(seconds)

    def bargein_stop(self, seconds: float) -> None:
        """The bot fell silent for the caller."""
        self._bargein.observe(seconds)

    def silence_filled(self, stage: str) -> None:
        """The bot said a filler while the caller waited for this."""
        self._filled.labels(stage).inc()

    def stage_stalled(self, stage: str) -> None:
        """The caller waited for this in vain."""
        self._stalled.labels(stage).inc()

    def speech_prepared(self, characters: int, *, used: bool) -> None:
        """Speech that was synthesised in advance was said, or dropped."""
        self._prepared[used].inc(characters)

    def bargein_resumed(self) -> None:
        """The bot went on after a sound that was no speech."""
        self._resumed.inc()

    def rtp_packets(self, way: Way, count: int) -> None:
        """Packets since the last report: call it a few times a call, not for each packet."""
        self._rtp[way].inc(count)

    def rtp_lost(self, count: int) -> None:
        """Lost packets since the last report; negative counts (duplicates, RFC 3550 §6.4.1) are ignored."""
        self._lost.inc(max(0, count))

    def media_ticks(self, every: int, late: int) -> None:
        """Packets due since the last report, and how many were late."""
        self._ticks.inc(every)
        self._late_ticks.inc(late)

    def media_breaks(self, underruns: int, stalls: int) -> None:
        """Gaps in the bot's speech in one call."""
        self._underruns.inc(underruns)
        self._stalls.inc(stalls)

    def dead_air(self, *, never: bool) -> None:
        """A line receives no media. `never`: it never did."""
        self._dead_air.labels("never" if never else "stopped").inc()

    def recording_truncated(self) -> None:
        """A recording is incomplete."""
        self._truncated.inc()

    def asr_failure(self) -> None:
        """A turn without a transcript."""
        self._asr_failures.inc()

    def sip_messages(self, way: Way, count: int) -> None:
        """Messages since the last report."""
        self._sip[way].inc(count)

    def sip_malformed(self, count: int = 1) -> None:
        """Datagrams that are not SIP messages."""
        self._sip_bad.inc(count)

    def sip_unread(self, count: int = 1) -> None:
        """Count requests that were dropped unread, because their source sent more than its share."""
        self._sip_unread.inc(count)

    def sip_refused(self, status: int, count: int = 1) -> None:
        """Requests that the user agent refused by itself with `status`, one of a few fixed ones."""
        self._sip_refused.labels(str(status)).inc(count)

    def trunk_there(self, trunk: str, is_there: bool, answered_after_s: float | None) -> None:
        """What an OPTIONS to a trunk has shown."""
        self._trunk_there.labels(trunk).set(is_there)
        if answered_after_s is not None:
            self._trunk_answer.labels(trunk).set(answered_after_s)

    def trunk_problem(self, trunk: str, problem: str, is_so: bool) -> None:
        """Whether that is why a trunk cannot be used. `trunk` is a name from the settings."""
        self._trunk_problem.labels(trunk, problem).set(is_so)

    def registration(self, trunk: str, state: str, is_so: bool) -> None:
        """Whether a trunk is in a state. `trunk` is a name from the settings."""
        self._registrations.labels(trunk, state).set(is_so)

    def record_errors(self, count: int = 1) -> None:
        """Writing records failed."""
        self._record_errors.inc(count)

    def records_dropped(self, count: int = 1) -> None:
        """Records were lost for good."""
        self._records_dropped.inc(count)

    def outbox(self, receiver: str, outcome: str, count: int) -> None:
        """What became of events for a receiver, a name from the settings."""
        self._outbox.labels(receiver, outcome).inc(count)

    def outbox_waiting(self, receiver: str, waiting: int, size: int, oldest_s: float) -> None:
        """How many events wait for a receiver, the size of their bodies, and how long the oldest has waited."""
        self._outbox_waiting.labels(receiver).set(waiting)
        self._outbox_bytes.labels(receiver).set(size)
        self._outbox_oldest.labels(receiver).set(oldest_s)

    def event_loop_lag(self, seconds: float) -> None:
        """One measurement of the loop's lateness."""
        self._lag.observe(max(0.0, seconds))

    def tasks(self, count: int) -> None:
        """The current number of asyncio tasks."""
        self._tasks.set(count)

    def event_loop_stall(self) -> None:
        """The event loop stalled."""
        self._loop_stalls.inc()

    def worker(self, index: int, ready: bool, calls: int, cpu_ratio: float, lag_s: float) -> None:
        """The load of worker `index`."""
        label = str(index)
        self._worker_ready.labels(label).set(ready)
        self._worker_calls.labels(label).set(calls)
        self._worker_cpu.labels(label).set(cpu_ratio)
        self._worker_lag.labels(label).set(lag_s)

    def worker_restarted(self, index: int) -> None:
        """A worker died."""
        self._worker_restarts.labels(str(index)).inc()

    def render(self) -> bytes:
        """The text format; its content type is `CONTENT_TYPE`."""
        return generate_latest(self.registry)

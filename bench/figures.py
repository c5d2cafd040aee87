"""A calling program's measurements in one form for both protocols, and the bottleneck."""

from dataclasses import dataclass
from typing import Any

SILENCE_MS = 500.0
"""The pause that ends a turn, in the bot's default settings: answers are counted from its end."""

CALLER_LATE_MS = 5.0
CALLER_BUSY_PERCENT = 85.0
SERVER_BUSY_MCORES = 950.0
PACING_MS = 5.0
RESPONSE_RATIO = 1.3


@dataclass(frozen=True)
class Figures:
    """One run. Milliseconds; None: not measured. Responses are over the silence that ends a turn.

    `greeting_p99_ms` runs from the ACK, or the stream's beginning, to the first voiced packet; `lost` are packets (SIP)
    or 20 ms slots without audio (Twilio). `caller_*` show how well the calling program itself kept its schedule,
    `stood_still_ms` each time for which the machine ran nothing at all (see `bench.witness`).
    """

    protocol: str
    calls: int
    failed: int
    turns: int
    no_reply: int
    response_p50_ms: float | None
    response_p95_ms: float | None
    barge_in_p50_ms: float | None
    barge_in_p95_ms: float | None
    pacing_p99_ms: float | None
    gaps: int
    lost: int
    jumps: int
    greeting_p99_ms: float | None
    mcores_per_call: float | None
    mcores: float | None
    kib_per_call: float | None
    caller_late_p99_ms: float | None
    caller_cpu_percent: float | None
    caller_drops: int
    stood_still_ms: tuple[float, ...] | None

    @property
    def caller_kept_up(self) -> bool:
        """Whether the calling program was fast enough for the figures to count."""
        late, busy = self.caller_late_p99_ms, self.caller_cpu_percent
        return (late or 0.0) < CALLER_LATE_MS and (busy or 0.0) < CALLER_BUSY_PERCENT and not self.caller_drops

    @property
    def bottleneck(self) -> str:
        """What reached its limit."""
        names = []
        if not self.caller_kept_up:
            names.append("caller")
        if (self.mcores or 0.0) >= SERVER_BUSY_MCORES:
            names.append("bot")
        return " and ".join(names) or "-"

    def holds(self, one_call: "Figures | None") -> bool:
        """Whether the calls were carried: all answered, audio paced and complete, nearly as fast as one call."""
        if self.failed or self.no_reply or self.lost or self.response_p95_ms is None:
            return False
        if self.pacing_p99_ms is not None and self.pacing_p99_ms > PACING_MS:
            return False
        if one_call is None or one_call.response_p95_ms is None:
            return True
        return self.response_p95_ms + SILENCE_MS <= RESPONSE_RATIO * (one_call.response_p95_ms + SILENCE_MS)


def of_sip(result: dict[str, Any]) -> Figures:
    """From the SIP caller's JSON."""
    talk, rtp, server = result.get("conversation") or {}, result.get("rtp") or {}, result.get("server") or {}
    counts, client = rtp.get("counts") or {}, result.get("client") or {}
    response = talk.get("response_arrival_ms")
    return Figures(
        protocol="SIP",
        calls=result.get("calls", 0),
        failed=result.get("calls_failed", 0),
        turns=talk.get("turns", 0),
        no_reply=talk.get("turns_without_reply", 0) + talk.get("barge_in_without_reply", 0),
        response_p50_ms=_over_silence(response, "p50"),
        response_p95_ms=_over_silence(response, "p95"),
        barge_in_p50_ms=_of(talk.get("barge_in_ms"), "p50"),
        barge_in_p95_ms=_of(talk.get("barge_in_ms"), "p95"),
        pacing_p99_ms=_of(rtp.get("pacing_dev_ms"), "p99"),
        gaps=counts.get("gaps_in_utterance_over_40ms", 0),
        lost=counts.get("missing", 0),
        jumps=counts.get("timestamp_jumps", 0),
        greeting_p99_ms=_of(talk.get("greeting_arrival_ms"), "p99"),
        mcores_per_call=server.get("mcores_per_call_steady"),
        mcores=server.get("mcores_steady"),
        kib_per_call=server.get("rss_per_call_kib"),
        caller_late_p99_ms=_of(client.get("send_lateness_ms"), "p99"),
        caller_cpu_percent=client.get("cpu_pct"),
        caller_drops=client.get("socket_drops", 0),
        stood_still_ms=_stood_still(result),
    )


def of_twilio(result: dict[str, Any]) -> Figures:
    """From the Twilio caller's JSON."""
    server, client, underrun = (result.get(name) or {} for name in ("server", "client", "underrun"))
    cores, own = server.get("cpu_cores"), client.get("cpu_cores")
    mib = server.get("rss_per_call_mib")
    return Figures(
        protocol="Twilio",
        calls=result.get("calls", 0),
        failed=result.get("dead_calls", 0),
        turns=result.get("turns", 0),
        no_reply=result.get("failed_turns", 0),
        response_p50_ms=_over_silence(result.get("response_ms"), "p50"),
        response_p95_ms=_over_silence(result.get("response_ms"), "p95"),
        barge_in_p50_ms=_of(result.get("barge_in_ms"), "p50"),
        barge_in_p95_ms=_of(result.get("barge_in_ms"), "p95"),
        pacing_p99_ms=None,
        gaps=underrun.get("late_messages", 0),
        lost=underrun.get("slots_missed", 0),
        jumps=0,
        greeting_p99_ms=_of(result.get("greeting_ms"), "p99"),
        mcores_per_call=server.get("cpu_per_call_millicores"),
        mcores=None if cores is None else 1_000 * cores,
        kib_per_call=None if mib is None else 1_024 * mib,
        caller_late_p99_ms=_of(client.get("send_lateness_ms"), "p99"),
        caller_cpu_percent=None if own is None else 100 * own,
        caller_drops=0,
        stood_still_ms=_stood_still(result),
    )


def _stood_still(result: dict[str, Any]) -> tuple[float, ...] | None:
    moments = result.get("machine_stood_still_ms")
    return None if moments is None else tuple(moments)


def _of(distribution: dict[str, float] | None, percentile: str) -> float | None:
    return distribution.get(percentile) if distribution else None


def _over_silence(distribution: dict[str, float] | None, percentile: str) -> float | None:
    value = _of(distribution, percentile)
    return None if value is None else value - SILENCE_MS

"""What the network, and the sender's pacing, did to a stream: loss, bursts, gaps, jitter, order, drift, quality."""

from collections.abc import Iterator

from offhook.qa.diagnosis.analysis import Analysis, MediaStream
from offhook.qa.diagnosis.rules.words import whose
from offhook.qa.findings import Finding, Limits
from offhook.qa.rtp.arrival import Gap, LossCounts
from offhook.qa.rtp.stream import StreamSummary

LEAST_PACKETS = 50
"""Of a stream, before shares of it say anything."""
LEAST_LOST = 3
SOME_SHARE = 0.01
AROUND_S = 1.0
"""So close to a renegotiation (hold, resume) a pause is meant."""
LEAST_DRIFT_S = 15.0
LEAST_DRIFT_MS = 3.0
"""Over the whole time; less is what a queue may do."""
SIGNIFICANT = 4
"""Standard errors."""


def findings(analysis: Analysis, stream: MediaStream, limits: Limits) -> Iterator[Finding]:
    """Of one stream."""
    summary = stream.summary
    if summary is None:
        return
    yield from _loss(stream, summary, limits)
    yield from _gaps(stream, summary, limits)
    yield from _timing(stream, summary, limits)
    yield from _order(stream, summary)
    yield from _quality(stream, summary, limits)
    yield from _beyond(analysis, stream, summary, limits)


def _finding(kind: str, stream: MediaStream, what: str, why: str, todo: str, at_s: float | None = None) -> Finding:
    return Finding(kind, what, why, todo, stream.call.number if stream.call is not None else 0, stream.number, at_s)


def _loss(stream: MediaStream, summary: StreamSummary, limits: Limits) -> Iterator[Finding]:
    loss, share = summary.loss, summary.loss_share
    if not loss.lost:
        return
    kind = "some_loss"
    if summary.packets >= LEAST_PACKETS and loss.lost >= LEAST_LOST:
        heavy, much = share >= limits.heavy_loss_share, share >= limits.loss_share
        kind = "heavy_loss" if heavy else "loss" if much else kind
    yield _finding(
        kind,
        stream,
        f"{share:.1%} of {whose(stream)} is lost",
        f"{loss.lost} of {loss.expected} packets {'is' if loss.lost == 1 else 'are'} missing{_spread(loss)}",
        "look for the loss on the way to where the capture was made: a full link, Wi-Fi, or a sender that skips",
    )
    if kind == "some_loss" and loss.longest_run >= limits.burst_packets:
        yield _finding(
            "loss_in_bursts",
            stream,
            f"{whose(stream)} lost {loss.longest_run} packets in a row",
            f"that is {loss.longest_run * summary.packet_ms:.0f} ms of speech; concealment covers some 40 ms",
            "look at what happens at that time on the way: a route that changes, a link that is full for a moment",
        )


def _spread(loss: LossCounts) -> str:
    """How the losses lie."""
    if loss.runs > 1:
        return f", in {loss.runs} places, at most {loss.longest_run} in a row"
    return ", in a row" if loss.lost > 1 else ""


def _gaps(stream: MediaStream, summary: StreamSummary, limits: Limits) -> Iterator[Finding]:
    gaps = [each for each in summary.gaps if each.missing_ms >= limits.gap_ms and not _is_meant(stream, each)]
    if not gaps:
        return
    longest = max(gaps, key=lambda each: each.missing_ms)
    lost = sum(each.lost > 0 for each in gaps)
    count = len(gaps)
    times = "a gap" if count == 1 else f"{count} gaps"
    cause = (
        "the packets in them are missing"
        if lost == count
        else "all packets came, late: the sender or the network stood still"
        if not lost
        else f"in {lost} of them packets are missing, in the others they came late"
    )
    yield _finding(
        "gaps",
        stream,
        f"{whose(stream)} has {times}, of {longest.missing_ms:.0f} ms at most",
        f"nothing came for so long when audio was due: {cause}",
        "if packets came late, look at the sender's load and pacing; if they are missing, at the network",
        longest.at_s,
    )


def _is_meant(stream: MediaStream, gap: Gap) -> bool:
    """Whether audio stops because of hold, or before the call was answered."""
    call, end_s = stream.call, gap.at_s + gap.missing_ms / 1_000
    if call is None:
        return False
    if call.answered_s is not None and gap.at_s < call.answered_s:
        return True
    return any(gap.at_s - AROUND_S <= each <= end_s + AROUND_S for each in call.renegotiated_s)


def _timing(stream: MediaStream, summary: StreamSummary, limits: Limits) -> Iterator[Finding]:
    jitter, worst = summary.jitter_mean_ms, summary.jitter_max_ms
    if jitter is not None and worst is not None and jitter > limits.jitter_ms:
        yield _finding(
            "jitter",
            stream,
            f"{whose(stream)} has a jitter of {jitter:.0f} ms, at most {worst:.0f} ms",
            f"on average, by RFC 3550 §6.4.1; {limits.jitter_ms:g} ms is the limit; {summary.late} packets came later "
            "than a buffer of 60 ms bears",
            "look for a queue on the way (no priority for RTP), or for a sender that sends several packets at once",
        )
    drift = summary.drift
    if drift is None or drift.over_s < LEAST_DRIFT_S or abs(drift.ppm) < limits.drift_ppm:
        return
    if abs(drift.ppm) * drift.over_s / 1_000 >= LEAST_DRIFT_MS and abs(drift.ppm) > SIGNIFICANT * drift.error_ppm:
        faster = "slow" if drift.ppm > 0 else "fast"
        yield _finding(
            "clock_drift",
            stream,
            f"the clock of {whose(stream)} is {abs(drift.ppm):.0f} ppm too {faster}",
            f"over {drift.over_s:.0f} s, ± {drift.error_ppm:.0f} ppm, against the clock of the capture: a buffer runs "
            f"{'dry' if drift.ppm > 0 else 'over'} by 20 ms every {20_000 / abs(drift.ppm):.0f} s",
            "look at what paces the sender: an absolute clock should, and no sleep of 20 ms between packets",
        )


def _order(stream: MediaStream, summary: StreamSummary) -> Iterator[Finding]:
    loss = summary.loss
    for kind, count, what in (
        ("reordered", loss.reordered, "came out of order"),
        ("duplicates", loss.duplicate, "came twice"),
    ):
        if summary.packets >= LEAST_PACKETS and count >= LEAST_LOST and count / summary.packets >= SOME_SHARE:
            yield _finding(
                kind,
                stream,
                f"{count} packets of {whose(stream)} {what}",
                f"{count / summary.packets:.1%} of {summary.packets}",
                "look for two ways through the network, or for a capture on several interfaces at once",
            )


def _quality(stream: MediaStream, summary: StreamSummary, limits: Limits) -> Iterator[Finding]:
    mos = summary.mos
    if mos is None or summary.packets < LEAST_PACKETS or mos >= limits.mos:
        return
    yield _finding(
        "bad_quality" if mos < limits.bad_mos else "poor_quality",
        stream,
        f"{whose(stream)} has an estimated MOS of {mos:.1f}",
        f"R is {summary.r_factor:.0f} (E-model, ITU-T G.107): {summary.loss.lost} packets lost, {summary.late} late",
        "see the findings about loss, gaps and jitter",
    )


def _beyond(analysis: Analysis, stream: MediaStream, summary: StreamSummary, limits: Limits) -> Iterator[Finding]:
    """What the receiver says is lost, and the capture has."""
    reported = analysis.reports.by_ssrc.get(stream.ssrc)
    if reported is None or summary.packets < LEAST_PACKETS:
        return
    beyond = reported.lost - summary.loss.lost
    if beyond >= LEAST_LOST and beyond / summary.packets >= limits.loss_share:
        yield _finding(
            "loss_beyond",
            stream,
            f"the receiver of {whose(stream)} did not get {reported.lost} packets",
            f"its RTCP says so; in the capture {summary.loss.lost} are missing: the rest is lost behind it",
            "look at the way from where the capture was made to the receiver, and at the receiver's own load",
        )

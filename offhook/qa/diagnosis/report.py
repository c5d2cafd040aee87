"""What is said about a capture: for people, and as plain values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from offhook.ladder.ladder import ladder_of
from offhook.ladder.text import render
from offhook.qa.diagnosis.analysis import Analysis, MediaStream
from offhook.qa.diagnosis.calls import Call
from offhook.qa.diagnosis.rules.words import place
from offhook.qa.findings import Finding
from offhook.qa.rtp.encodings import COMFORT_NOISE, EVENT
from offhook.qa.rtp.stream import StreamSummary
from offhook.usererror import plain

MAX_LADDERS = 10
"""With more calls only those are drawn that are asked for."""
MAX_LINES = 200
"""Of findings, calls and streams each; JSON has all."""


@dataclass(frozen=True, slots=True)
class Report:
    """A judged capture. `only` is the call that was asked for."""

    name: str
    kind: str
    analysis: Analysis
    findings: Sequence[Finding]
    only: Call | None = None

    @property
    def calls(self) -> list[Call]:
        """Those that are shown."""
        return [self.only] if self.only is not None else list(self.analysis.calls.by_id.values())

    @property
    def streams(self) -> list[MediaStream]:
        """Those that are shown."""
        return [each for each in self.analysis.streams if self.only is None or each.call is self.only]

    @property
    def is_trouble(self) -> bool:
        """Whether something is to be done."""
        return any(each.is_trouble for each in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as plain values. Times are Unix time, in seconds."""
        analysis = self.analysis
        drawn = len(self.calls) <= MAX_LADDERS
        return {
            "file": self.name,
            "kind": self.kind,
            "began_s": analysis.began_s,
            "duration_s": round(_seconds(analysis), 6),
            "frames": analysis.packets.frames,
            "rtp_packets": analysis.rtp_packets,
            "rtcp_packets": analysis.reports.packets,
            "trouble": self.is_trouble,
            "findings": [each.to_dict() for each in self.findings],
            "calls": [self._call(each, drawn=drawn) for each in self.calls],
            "streams": [self._stream(each) for each in self.streams],
            "other_sip_messages": dict(analysis.calls.others),
        }

    def _call(self, call: Call, *, drawn: bool) -> dict[str, Any]:
        began_s = call.invite_s if call.invite_s is not None else call.began_s
        moments = {
            "first_response": call.first_response_s,
            "ringing": call.ringing_s,
            "answered": call.answered_s,
            "acknowledged": call.acked_s,
            "ended": call.ended_s,
        }
        found: dict[str, Any] = {
            "number": call.number,
            "call_id": call.call_id,
            "began_s": began_s,
            "caller": place(call.caller),
            "callee": place(call.callee),
            "transport": call.transport,
            "target": call.target,
            "outcome": call.outcome,
            "status": call.status,
            "after_ms": {name: _ms(at_s, began_s) for name, at_s in moments.items()},
            "ended_by": None if call.ended_s is None else "caller" if call.ended_by_caller else "callee",
            "codecs": _agreed(call),
            "repeated_messages": sum(each.times for each in call.repeated.values()),
            "dtmf_by_info": {"caller": _info(call, True), "callee": _info(call, False)},
            "streams": [each.number for each in self.analysis.of_call(call)],
        }
        if drawn:
            found["ladder"] = self._ladder(call)
        return found

    def _stream(self, stream: MediaStream) -> dict[str, Any]:
        summary = stream.summary
        assert summary is not None, "the analysis is finished"
        reported = self.analysis.reports.by_ssrc.get(stream.ssrc)
        return {
            "number": stream.number,
            "call": stream.call.number if stream.call is not None else None,
            "from": None if stream.from_caller is None else "caller" if stream.from_caller else "callee",
            "source": place(stream.source),
            "destination": place(stream.destination),
            "ssrc": f"0x{stream.ssrc:08X}",
            "began_s": summary.began_s,
            "duration_s": round(summary.seconds, 6),
            "codecs": summary.codecs,
            "packets": summary.packets,
            "loss": {**summary.loss._asdict(), "share": round(summary.loss_share, 6)},
            "jitter_ms": _rounded(summary.jitter_ms),
            "jitter_mean_ms": _rounded(summary.jitter_mean_ms),
            "jitter_max_ms": _rounded(summary.jitter_max_ms),
            "packet_ms": round(summary.packet_ms, 3),
            "longest_interval_ms": round(summary.longest_interval_ms, 3),
            "pace_max_ms": round(summary.pace_max_ms, 3),
            "gaps": [{"at_s": each.at_s, "missing_ms": round(each.missing_ms, 1)} for each in summary.gaps],
            "late_packets": summary.late,
            "drift": None if summary.drift is None else _rounded_all(summary.drift._asdict()),
            "audio": None if summary.audio is None else _rounded_all(summary.audio._asdict()),
            "dtmf": summary.digits,
            "encrypted": summary.is_encrypted,
            "mos": _rounded(summary.mos),
            "r_factor": _rounded(summary.r_factor),
            "rtcp": None
            if reported is None
            else {
                "reports": reported.reports,
                "lost": reported.lost,
                "round_trip_ms": _rounded(reported.round_trip_ms),
                "mos": reported.mos,
            },
            "wav": stream.sound or None,
        }

    def _ladder(self, call: Call) -> dict[str, Any]:
        trace = {**call.kept.to_dict(), "root": call.call_id}
        figures = {call.call_id: self._figures(call)}
        return ladder_of([trace], figures, us="").to_dict()

    def _figures(self, call: Call) -> Mapping[str, Any]:
        """As a record has them, whose own side is the callee's."""
        streams = [each for each in self.analysis.of_call(call) if each.summary is not None]
        packets = {
            by_caller: sum(each.summary.packets for each in streams if each.summary and each.from_caller is by_caller)
            for by_caller in (True, False)
        }
        rtp = {"packets_received": packets[True], "packets_sent": packets[False]} if streams else {}
        return {"rtp": rtp, "keys": 0, "ended_s": call.ended_s or call.last_s}

    # --- for people

    def text(self, *, width: int = 120, colour: bool = False, messages: bool = False) -> str:
        """Findings, the worst first; then each call with its ladder and its streams."""
        lines = [self._head(), ""]
        if not self.findings:
            lines += ["nothing is wrong", ""]
        for finding in self.findings[:MAX_LINES]:
            lines += [finding.render(), ""]
        lines += _more(len(self.findings), "findings")
        drawn = len(self.calls) <= MAX_LADDERS
        for call in self.calls[:MAX_LINES]:
            lines += self._call_lines(call, width, drawn=drawn, colour=colour, messages=messages)
        lines += _more(len(self.calls), "calls")
        if not drawn:
            lines += ["", "the ladder of one of them: --call NUMBER"]
        alone = [each for each in self.streams if each.call is None]
        if alone:
            lines += ["", "RTP that no SIP in the capture announces"]
            lines += [line for each in alone[:MAX_LINES] for line in _stream_lines(each)]
            lines += _more(len(alone), "streams")
        return "\n".join(lines).rstrip()

    def _head(self) -> str:
        analysis = self.analysis
        troubles = sum(each.is_trouble for each in self.findings)
        counts = (
            (analysis.packets.frames, "frame"),
            (len(self.calls), "call"),
            (len(self.streams), "RTP stream"),
            (troubles, "trouble"),
        )
        began = "" if analysis.began_s is None else f", from {_clock(analysis.began_s)}"
        words = ", ".join(_count(number, word) for number, word in counts)
        return f"{plain(self.name)}: {self.kind}{began}, {_seconds(analysis):.1f} s, {words}"

    def _call_lines(self, call: Call, width: int, *, drawn: bool, colour: bool, messages: bool) -> list[str]:
        streams = self.analysis.of_call(call)
        lines = [_call_line(call)]
        if drawn:
            lines += [*render(self._ladder(call), width=width, colour=colour, messages=messages)[1:], ""]
        lines += [line for each in streams for line in _stream_lines(each)]
        if drawn:
            lines.append("")
        return lines


def _call_line(call: Call) -> str:
    words = [f"call {call.number}", f"{place(call.caller)} → {place(call.callee)}", call.target, call.outcome]
    if call.answered_s is not None and call.invite_s is not None:
        words.append(f"after {call.answered_s - call.invite_s:.2f} s")
    if call.ended_s is not None:
        lasted = f", after {call.ended_s - call.answered_s:.1f} s" if call.answered_s is not None else ""
        words.append(f"ended by the {'caller' if call.ended_by_caller else 'callee'}{lasted}")
    if codecs := _agreed(call):
        words.append("/".join(codecs))
    return plain("  ".join(each for each in (*words, f"Call-ID {call.call_id}") if each))


def _stream_lines(stream: MediaStream) -> list[str]:
    """Which one it is, and what was measured."""
    summary = stream.summary
    assert summary is not None, "the analysis is finished"
    who = {None: "", True: "caller ", False: "callee "}[stream.from_caller]
    codecs = "+".join(name.lower() if name in (EVENT, COMFORT_NOISE) else name for name in summary.codecs)
    about = [
        f"{stream.number}: {who}{place(stream.source)} → {place(stream.destination)}",
        codecs,
        f"{_count(summary.packets, 'packet')} in {summary.seconds:.1f} s",
        f"{summary.loss.lost} lost ({summary.loss_share:.1%})",
    ]
    return [plain("  " + "  ".join(about)), plain("     " + "  ".join(_measured(summary)))]


def _measured(summary: StreamSummary) -> list[str]:
    words = []
    if summary.jitter_mean_ms is not None:
        words.append(f"jitter {summary.jitter_mean_ms:.1f} ms (max {summary.jitter_max_ms:.1f})")
    if summary.drift is not None and abs(summary.drift.ppm) > summary.drift.error_ppm:
        words.append(f"drift {summary.drift.ppm:+.0f} ± {summary.drift.error_ppm:.0f} ppm")
    audio = summary.audio
    if audio is not None:
        level = audio.speech_level_dbov
        words.append("silent" if level is None else f"level {level:.0f} dBov, {audio.speech_s:.1f} s of sound")
    keys = summary.digits or (audio.keys if audio is not None else "")
    if keys:
        words.append(f"DTMF {keys}")
    if summary.is_encrypted:
        words.append("SRTP")
    if summary.mos is not None:
        words.append(f"MOS {summary.mos:.1f}")
    return words


def _agreed(call: Call) -> list[str]:
    """Codecs that both ends described."""
    one, other = ([name for each in call.of_side(caller=caller) for name in each.names] for caller in (True, False))
    return sorted(set(one) & set(other))


def _info(call: Call, by_caller: bool) -> str:
    return "".join(key for _, key in call.keys[by_caller])


def _seconds(analysis: Analysis) -> float:
    return analysis.ended_s - analysis.began_s if analysis.began_s is not None else 0.0


def _clock(at_s: float) -> str:
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "an impossible time"  # a file may claim any


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _more(count: int, what: str) -> list[str]:
    return [f"… {count - MAX_LINES} more {what}: --json has all"] if count > MAX_LINES else []


def _ms(at_s: float | None, began_s: float) -> float | None:
    return None if at_s is None else round((at_s - began_s) * 1_000, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rounded_all(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}

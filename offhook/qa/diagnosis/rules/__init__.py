"""The rules by which a capture is judged: each takes what was measured, and gives findings. Pure."""

from collections.abc import Iterator

from offhook.qa.diagnosis.analysis import Analysis
from offhook.qa.diagnosis.rules import dtmf, network, signalling, sound, ways, whole
from offhook.qa.findings import Finding, Limits, worst_first


def judge(analysis: Analysis, limits: Limits | None = None) -> list[Finding]:
    """Everything that is wrong with a capture, the worst first."""
    return worst_first(_all(analysis, limits or Limits()))


def _all(analysis: Analysis, limits: Limits) -> Iterator[Finding]:
    yield from whole.findings(analysis)
    for stream in analysis.streams:
        for rule in (network.findings, sound.findings, dtmf.findings_of_stream):
            yield from rule(analysis, stream, limits)
    for call in analysis.calls.by_id.values():
        streams = analysis.of_call(call)
        yield from signalling.findings(analysis, call, limits)
        yield from ways.findings(analysis, call, streams)
        yield from dtmf.findings_of_call(call, streams)

"""One call of the report: verdict, sound, words, waits, signalling, downloads."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from offhook.ladder.ladder import ladder_of
from offhook.qa.report.attachments import Attachments, file_name
from offhook.qa.report.html import Html, el, join, scrolled, table
from offhook.qa.report.ladder_table import ladder_table
from offhook.qa.report.recording import Recording
from offhook.qa.report.waits import at, waits_of, waterfall
from offhook.qa.report.waveform import waveform
from offhook.qa.result import Result
from offhook.qa.script.expect import MEASURES
from offhook.qa.verdict.judge import Deviation
from offhook.qa.verdict.observed import ObservedCall
from offhook.usererror import cut

PCAP, WAV = "application/vnd.tcpdump.pcap", "audio/wav"
CALLER = "caller"
MAX_LINES, MAX_LINE_CHARS = 1_000, 2_000
"""Of a bot's transcript; the JSON has all of it."""

SWATCHES = (
    ("caller", "caller, left"),
    ("bot", "bot, right"),
    ("turn", "the bot's turn, with its prompts"),
    ("keys", "keys"),
    ("gap", "gap"),
    ("finding", "finding"),
    ("moment", "answer, end"),
)


def call_card(number: int, result: Result, attachments: Attachments) -> Html:
    """The section. Raises UserError where a file has to be written beside the page, and cannot be."""
    parts: list[Html] = [_head(number, result)]
    if result.findings:
        parts.append(_findings(result.findings, result.where))
    if result.notes:
        parts.append(el("pre", "\n".join(result.notes), tabindex=0, class_="note"))
    if result.recording is not None:
        content = join(*_recorded(number, result, result.recording, attachments))
        parts.append(el("details", el("summary", "The call"), content, open=not result.passed))
    return el("section", *parts, class_="card call", id=f"call-{number}", aria_labelledby=f"title-{number}")


def _head(number: int, result: Result) -> Html:
    facts: list[tuple[str, object]] = [("Script", result.where), ("Took", f"{result.seconds:.1f} s")]
    if result.recording is not None:
        facts += _facts(result.recording.seen)
    return el(
        "div",
        el("h2", f"{number}. {result.name} ", badge(result), id=f"title-{number}"),
        el("dl", *(el("div", el("dt", name), el("dd", str(value))) for name, value in facts), class_="facts"),
        class_="head",
    )


def badge(result: Result) -> Html:
    """The verdict, in a word."""
    return el("span", "passed" if result.passed else "failed", class_=f"badge {'good' if result.passed else 'bad'}")


def _facts(seen: ObservedCall) -> list[tuple[str, object]]:
    if seen.answered_s is None:
        return [("Outcome", f"not answered: {seen.why}")]
    media = seen.media
    return [
        ("Ended by", f"{seen.ended_by} after {seen.ended_s:.1f} s"),
        ("Codec", media.agreed),
        ("From the bot", f"{media.packets} packets, {media.lost} lost, jitter {media.jitter_ms:.1f} ms"),
        ("From the caller", f"{media.sent} packets, p99 {media.sent_late_p99_ms:.1f} ms late"),
    ]


def _findings(findings: Sequence[Deviation], where: str) -> Html:
    rows = []
    for each in findings:
        when = None if each.at_s is None else join(" at ", at(each.at_s))
        line = "" if each.line is None else f" ({where}:{each.line})"
        what = el("strong", each.what, when, line)
        rows.append(el("li", what, " ", el("span", each.kind, class_="tag"), el("p", each.why, class_="note")))
    return join(el("h3", "Findings"), el("ol", *rows, class_="findings"))


def _recorded(number: int, result: Result, recording: Recording, attachments: Attachments) -> Iterator[Html]:
    wav = attachments.link(file_name(number, result.name, "wav"), recording.wav(), WAV)
    yield _sound(number, recording, result.findings, wav)
    yield join(el("h3", "Words"), _words(number, recording.seen))
    if recording.seen.record is not None:
        yield join(el("h3", "Words by the bot's record"), _by_record(number, recording.seen.record))
    waits = waits_of(recording.seen)
    if waits:
        yield join(el("h3", "Waits"), scrolled(f"Waits of call {number}", waterfall(waits)))
    yield join(el("h3", "Figures"), _figures(number, result.details.get("figures", {})))
    if recording.messages:
        yield el("details", el("summary", "Signalling"), scrolled(f"Messages of call {number}", _ladder(recording)))
    yield _downloads(number, result.name, recording, wav, attachments)


def _sound(number: int, recording: Recording, findings: Sequence[Deviation], wav: str) -> Html:
    legend = [el("li", el("span", class_=f"swatch {kind}"), meaning) for kind, meaning in SWATCHES]
    return join(
        el("audio", src=wav, controls=True, preload="none", aria_label="The call: caller left, bot right"),
        scrolled(f"Levels of call {number}", waveform(recording, findings)),
        el("ul", *legend, class_="legend"),
    )


def _words(number: int, seen: ObservedCall) -> Html:
    """What was said, each side in its column."""
    said = [(each.began_s, each.ended_s, f"{each.kind}: {each.what}", "") for each in seen.sounds]
    for turn in seen.turns:
        names = ", ".join(f"prompt {name}" for name, _ in turn.prompts)
        said.append((turn.began_s, turn.ended_s, "", " · ".join(filter(None, (names, turn.text))) or "speech"))
    if seen.keys:
        said.append((seen.ended_s, seen.ended_s, "", f"keys in all: {seen.keys}"))
    rows = [
        el(
            "tr",
            el("td", at(began_s), class_="number"),
            el("td", f"{ended_s - began_s:.2f} s", class_="number"),
            el("td", caller, class_="caller"),
            el("td", bot, class_="bot"),
        )
        for began_s, ended_s, caller, bot in sorted(said)
    ]
    return _table(f"Words of call {number}", ("At", "For", "Caller", "Bot, as it was heard"), rows)


def _by_record(number: int, record: Mapping[str, Any]) -> Html:
    """The bot's own account; its times count from where its record begins."""
    lines = record.get("transcript", ())
    rows = []
    for line in lines[:MAX_LINES]:
        said = cut(line["text"], MAX_LINE_CHARS)
        sides = (said, "") if line["who"] == CALLER else ("", said)
        at_s = el("td", f"{float(line.get('at_s', 0.0)):.2f} s", class_="number")
        rows.append(el("tr", at_s, el("td", sides[0], class_="caller"), el("td", sides[1], class_="bot")))
    if len(lines) > MAX_LINES:
        left_out = f"{len(lines) - MAX_LINES} more lines are left out; --json has them"
        rows.append(el("tr", el("td"), el("td", left_out, class_="note"), el("td")))
    return _table(f"Record of call {number}", ("At", "Caller, as the bot understood", "Bot"), rows)


def _table(name: str, heads: Sequence[str], rows: Sequence[Html]) -> Html:
    return scrolled(name, table(heads, rows, "plain words"))


def _figures(number: int, figures: Mapping[str, Sequence[Mapping[str, Any]]]) -> Html:
    rows = []
    for name, values in figures.items():
        measure = MEASURES[name]
        shown = ", ".join(f"{each['value']:.1f}" for each in values) or "not measured"
        rows.append(el("tr", el("th", name, scope="row"), el("td", f"{shown} {measure.unit}"), el("td", measure.what)))
    return _table(f"Figures of call {number}", ("Measure", "Values", "What it is"), rows)


def _ladder(recording: Recording) -> Html:
    media = recording.seen.media
    rtp = {
        "packets_received": media.packets,
        "packets_sent": media.sent,
        "lost": media.lost,
        "jitter_ms": media.jitter_ms,
    }
    kept = recording.kept()
    ended_s = recording.began_s + recording.seen.ended_s
    return ladder_table(ladder_of([kept.to_dict()], {kept.call_id: {"rtp": rtp, "ended_s": ended_s}}, us=CALLER))


def _downloads(number: int, name: str, recording: Recording, wav: str, attachments: Attachments) -> Html:
    links = [el("a", "WAV, both sides", href=wav, download=file_name(number, name, "wav"), class_="button")]
    if recording.packets or recording.messages:
        named = file_name(number, name, "pcap")
        href = attachments.link(named, recording.pcap(), PCAP)
        links.append(el("a", "pcap, signalling and media", href=href, download=named, class_="button"))
    left_out = f"{recording.left_out} packets are left out." if recording.left_out else None
    return el("p", *links, el("span", left_out, class_="note") if left_out else None, class_="row downloads")

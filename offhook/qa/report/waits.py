"""How long somebody waited, step by step: the call set up, each answer, each interruption. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offhook.qa.report.html import Html, el, join, table, text
from offhook.qa.verdict.measures import figures
from offhook.qa.verdict.observed import Message, ObservedCall

WIDTH, BAR = 420, 14
SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Wait:
    """One wait, which began at `at_s` (since the INVITE): its parts are (name, milliseconds), one after the other."""

    what: str
    at_s: float
    parts: tuple[tuple[str, float], ...]

    @property
    def total_ms(self) -> float:
        """All parts."""
        return sum(ms for _, ms in self.parts)


def waits_of(call: ObservedCall) -> list[Wait]:
    """All waits of a call, in the order of time."""
    found = [*_set_up(call), *_responses(call), *_barge_ins(call)]
    return sorted(found, key=lambda each: each.at_s)


def _set_up(call: ObservedCall) -> Iterator[Wait]:
    """From the INVITE to the first sound; of an answered call alone."""
    if call.answered_s is None:
        return
    first_sound = next((each.began_s for each in call.turns), None)
    moments = [
        ("first response", _came(call.messages, "1")),
        ("ringing", _came(call.messages, "18")),
        ("answer", call.answered_s),
        ("first sound", None if first_sound is None else max(first_sound, call.answered_s)),
    ]
    parts, before_s = [], 0.0
    for name, at_s in moments:
        if at_s is not None and at_s > before_s:
            parts.append((name, 1_000 * (at_s - before_s)))
            before_s = at_s
    yield Wait("call set-up, from the INVITE", 0.0, tuple(parts))


def _came(messages: Sequence[Message], status: str) -> float | None:
    return next((each.at_s for each in messages if each.received and each.text.startswith(f"SIP/2.0 {status}")), None)


def _responses(call: ObservedCall) -> Iterator[Wait]:
    for figure in figures(call, "response_ms"):
        at_s = (figure.at_s or 0.0) - figure.value / 1_000
        sound = min(call.sounds, key=lambda each: abs(each.ended_s - at_s))
        yield Wait(f"answer to {sound.what}", at_s, (("response", figure.value),))


def _barge_ins(call: ObservedCall) -> Iterator[Wait]:
    for figure in figures(call, "barge_in_ms"):
        at_s = figure.at_s or 0.0
        sound = min(call.sounds, key=lambda each: abs(each.began_s - at_s))
        yield Wait(f"interrupted by {sound.what}", at_s, (("barge-in", figure.value),))


def waterfall(waits: Sequence[Wait]) -> Html:
    """A table of them, each with a bar on one scale."""
    longest_ms = max((each.total_ms for each in waits), default=0.0) or 1.0
    rows = [
        el(
            "tr",
            el("td", at(each.at_s), class_="number"),
            el("th", each.what[:SHOWN_CHARS], scope="row"),
            el("td", _bar(each, longest_ms), class_="lane"),
            el("td", f"{each.total_ms:.0f} ms", class_="number"),
            el("td", ", ".join(f"{name} {ms:.0f}" for name, ms in each.parts), class_="note"),
        )
        for each in waits
    ]
    return table(("At", "What", "Share of the longest", "In all", "Parts"), rows, "plain waits")


def at(at_s: float) -> Html:
    """A time in the call; the page's script makes it a button that plays from there."""
    return el("time", f"{at_s:.2f} s", data_at=f"{at_s:.2f}")


def _bar(wait: Wait, longest_ms: float) -> Html:
    drawn, x = [], 0.0
    for name, ms in wait.parts:
        width = max(1.0, ms / longest_ms * WIDTH)
        kind = name.replace(" ", "-")
        drawn.append(el("rect", el("title", text(f"{name}: {ms:.0f} ms")), class_=kind, x=x, width=width, height=BAR))
        x += width
    return el("svg", join(*drawn), width=WIDTH + 4, height=BAR, aria_hidden="true")

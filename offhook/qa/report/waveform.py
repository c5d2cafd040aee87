"""A call's two sides as one picture: levels, turns, prompts, keys, gaps and findings over time, as SVG. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from offhook.qa.report.html import Html, el, join
from offhook.qa.report.recording import Recording
from offhook.qa.verdict.judge import Deviation
from offhook.qa.verdict.observed import BotTurn, CallerSound
from offhook.telephony.pcm import RATE_HZ, to_array
from offhook.usererror import cut

WIDEST, NARROWEST = 250.0, 2.0
"""Pixels a second."""
WIDTH, MAX_WIDTH = 1_100, 12_000
COLUMN = 2
"""Pixels of one level."""
ROW, TOP, AXIS = 84, 16, 18
"""Heights: of a side, of the names above it, of the seconds below."""
FLOOR_DB = 50.0
MIN_NAME_WIDTH = 24
"""Of a name above something that is shorter: a key."""
CHAR_WIDTH = 6.5

CALLER_Y, BOT_Y = TOP, TOP + ROW + TOP
HEIGHT = BOT_Y + ROW + AXIS


def waveform(recording: Recording, findings: Sequence[Deviation]) -> Html:
    """The picture; what it shows is in the tables beside it, too."""
    seconds = max(recording.seconds, recording.seen.ended_s, 0.1)
    scale = scale_of(seconds)
    seen, width = recording.seen, round(seconds * scale)
    about = f"Levels of the caller and of the bot over {seconds:.1f} seconds, with turns, gaps and findings"
    return el(
        "svg",
        *_side("caller", recording.caller, CALLER_Y, width, scale),
        *_side("bot", recording.bot, BOT_Y, width, scale),
        *(_sound(each, scale) for each in seen.sounds),
        *(_turn(each, number, scale) for number, each in enumerate(seen.turns, 1)),
        *_gaps(recording, scale),
        *_moments(recording, scale),
        *_findings(findings, scale),
        *_seconds(seconds, scale),
        el("line", class_="playhead", x1=0, x2=0, y1=0, y2=HEIGHT - AXIS, visibility="hidden"),
        class_="sides",
        width=width,
        height=HEIGHT,
        view_box=f"0 0 {width} {HEIGHT}",
        role="img",
        aria_label=about,
        data_scale=repr(scale),
    )


def scale_of(seconds: float) -> float:
    """Pixels a second: the whole call on a screen if it is short, and wide enough to be read if it is long."""
    least = min(30.0, MAX_WIDTH / seconds)
    return max(NARROWEST, min(WIDEST, max(WIDTH / seconds, least)))


def levels(pcm: bytes, columns: int, samples: float) -> npt.NDArray[np.float64]:
    """The peak of each column of so many samples, by loudness: 0 to 1."""
    found = np.abs(to_array(pcm).astype(np.int32))
    starts = np.minimum((np.arange(columns) * samples).astype(np.int64), max(0, len(found) - 1))
    if not len(found):
        return np.zeros(columns)
    peaks = np.maximum.reduceat(found, starts)
    heights = 1 + 20 * np.log10(np.maximum(peaks, 1) / 32_768) / FLOOR_DB
    heights[np.arange(columns) * samples >= len(found)] = 0.0
    return np.asarray(np.clip(heights, 0.0, 1.0))


def _side(name: str, pcm: bytes, y: int, width: int, scale: float) -> Iterator[Html]:
    middle = y + ROW / 2
    heights = levels(pcm, max(1, width // COLUMN), RATE_HZ * COLUMN / scale) * (ROW / 2 - 2)
    path = "".join(
        f"M{COLUMN * number} {middle - each:.0f}v{2 * each:.0f}" for number, each in enumerate(heights) if each >= 0.5
    )
    yield el("rect", class_="ground", x=0, y=y, width=width, height=ROW)
    yield el("line", class_="grid", x1=0, x2=width, y1=middle, y2=middle)
    yield el("path", class_=f"levels {name}", d=path)


def _span(kind: str, began_s: float, ended_s: float, y: int, scale: float, title: str, name: str) -> Html:
    x, width = began_s * scale, max(1.0, (ended_s - began_s) * scale)
    return el(
        "g",
        el("title", title),
        el("rect", class_=f"span {kind}", x=x, y=y, width=width, height=ROW),
        el("text", cut(name, int(max(width, MIN_NAME_WIDTH) / CHAR_WIDTH)), x=x, y=y - 4),
    )


def _sound(sound: CallerSound, scale: float) -> Html:
    title = f"{sound.kind}: {sound.what}, {sound.began_s:.2f} to {sound.ended_s:.2f} s"
    return _span(sound.kind, sound.began_s, sound.ended_s, CALLER_Y, scale, title, sound.what)


def _turn(turn: BotTurn, number: int, scale: float) -> Html:
    name = ", ".join(prompt for prompt, _ in turn.prompts) or f"turn {number}"
    title = f"{name}, {turn.began_s:.2f} to {turn.ended_s:.2f} s, {turn.level_dbfs:.0f} dBFS"
    return _span("turn", turn.began_s, turn.ended_s, BOT_Y, scale, title, name)


def _gaps(recording: Recording, scale: float) -> Iterator[Html]:
    for gap in recording.seen.gaps:
        why = "packets are missing" if gap.is_lost else "packets came late"
        yield el(
            "g",
            el("title", f"a gap of {gap.gap_ms:.0f} ms at {gap.at_s:.2f} s: {why}"),
            el(
                "rect",
                class_="gap",
                x=gap.at_s * scale,
                y=BOT_Y,
                width=max(2.0, gap.gap_ms * scale / 1_000),
                height=ROW,
            ),
        )


def _moments(recording: Recording, scale: float) -> Iterator[Html]:
    """The answer and the end."""
    seen = recording.seen
    for name, at_s in (("answered", seen.answered_s), ("ended", seen.ended_s)):
        if at_s is not None:
            x = at_s * scale
            title = el("title", f"{name} at {at_s:.2f} s")
            yield el("g", title, el("line", class_="moment", x1=x, x2=x, y1=TOP, y2=HEIGHT - AXIS))


def _findings(findings: Sequence[Deviation], scale: float) -> Iterator[Html]:
    for number, each in enumerate(findings, 1):
        if each.at_s is None:
            continue
        x = each.at_s * scale
        yield el(
            "g",
            el("title", f"finding {number}: {each.what}"),
            el("line", class_="finding", x1=x, x2=x, y1=0, y2=HEIGHT - AXIS),
            el("text", f"! {number}", class_="finding", x=x + 3, y=CALLER_Y + 11),
        )


def _seconds(seconds: float, scale: float) -> Iterator[Html]:
    step = next(each for each in (1, 2, 5, 10, 30, 60, 300, 3_600) if each * scale >= 40)
    for at_s in range(0, int(seconds) + 1, step):
        x = at_s * scale
        yield join(
            el("line", class_="grid", x1=x, x2=x, y1=HEIGHT - AXIS, y2=HEIGHT - AXIS + 4),
            el("text", f"{at_s} s", x=x + 2, y=HEIGHT - 3),
        )

"""A call's SIP messages as a table with arrows, as the call's page of the bot has it. Pure."""

from offhook.ladder.ladder import Ladder, MediaBar, Step
from offhook.qa.report.html import Child, Html, el, table
from offhook.usererror import cut

GAP, HEIGHT = 150, 30
MIDDLE = HEIGHT // 2
NAME_CHARS = 22


def ladder_table(ladder: Ladder) -> Html:
    """The table; messages are folded."""
    names = [
        el("text", cut(name, NAME_CHARS), x=(at + 0.5) * GAP, y=MIDDLE + 4, text_anchor="middle")
        for at, name in enumerate(ladder.columns)
    ]
    width = len(ladder.columns) * GAP
    head = el("tr", el("td"), el("td", _svg(width, *names), class_="lane"), el("td"), el("td"))
    rows = [_row(each, ladder) for each in ladder.rows]
    return table(("ms", "Between", "Message", "About"), (head, *rows), "ladder")


def _row(row: Step | MediaBar, ladder: Ladder) -> Html:
    start, end = ladder.columns[row.source], ladder.columns[row.target]
    is_media = isinstance(row, MediaBar)
    between = f"{start} and {end}" if is_media else f"{start} to {end}"
    about = _about_media(row) if isinstance(row, MediaBar) else _about(row)
    return el(
        "tr",
        el("td", f"{row.at_ms:.1f}", class_="number"),
        el("td", el("span", between, class_="hidden"), _picture(row, len(ladder.columns)), class_="lane"),
        el("td", row.label if isinstance(row, MediaBar) else _whole(row)),
        el("td", about, class_="note"),
        class_="media" if is_media else _kind(row.label),
    )


def _whole(step: Step) -> Html:
    label = f"{step.label} ×{step.again + 1}" if step.again else step.label
    return el("details", el("summary", label), el("pre", step.text, tabindex=0))


def _about(step: Step) -> str:
    transport = "" if step.transport == "UDP" else step.transport
    return " · ".join(filter(None, (step.state, step.cseq, step.sdp, transport)))


def _about_media(bar: MediaBar) -> str:
    lasts = "" if bar.to_ms is None else f"{(bar.to_ms - bar.at_ms) / 1_000:.1f} s"
    return " · ".join(filter(None, (bar.addresses, lasts, bar.figures)))


def _kind(label: str) -> str:
    if not label[:3].isdigit():
        return "request"
    return "good" if label[0] in "123" else "bad"


def _picture(row: Step | MediaBar, columns: int) -> Html:
    lives = [
        el("line", class_="life", x1=x, y1=0, x2=x, y2=HEIGHT) for x in ((at + 0.5) * GAP for at in range(columns))
    ]
    x1, x2 = (row.source + 0.5) * GAP, (row.target + 0.5) * GAP
    if isinstance(row, MediaBar):
        bar = el("rect", class_="bar", x=min(x1, x2), y=MIDDLE - 4, width=abs(x2 - x1), height=8)
        return _svg(columns * GAP, *lives, bar)
    back = -8 if x2 > x1 else 8
    arrow = el("line", class_="arrow", x1=x1, y1=MIDDLE, x2=x2 + back, y2=MIDDLE)
    return _svg(columns * GAP, *lives, arrow, el("path", class_="tip", d=f"M{x2:.0f} {MIDDLE}l{back} -5v10z"))


def _svg(width: int, *children: Child) -> Html:
    return el("svg", *children, width=width, height=HEIGHT, aria_hidden="true")

"""A ladder as lines for a terminal. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

MIN_GAP = 26
MAX_GAP = 44
_TIME = 9

_COLOURS = {"request": "36", "good": "32", "bad": "31", "media": "35", "dim": "2"}


def render(ladder: Mapping[str, Any], *, width: int = 120, colour: bool = False, messages: bool = False) -> list[str]:
    """The lines of a ladder (`Ladder.to_dict`). With `messages` each message follows its arrow."""
    columns: Sequence[str] = ladder["columns"]
    if not columns:
        return ["no message was kept"]
    gap = _gap(len(columns), width)
    paint = _Paint(colour)
    lines = [f"{ladder['started']}   {', '.join(ladder['legs'])}", "", _heads(columns, gap)]
    for row in ladder["rows"]:
        lines.append(_row(row, len(columns), gap, paint, several_legs=len(ladder["legs"]) > 1))
        if messages and row["kind"] == "message":
            lines += [paint(f"{'':{_TIME}}    {line}", "dim") for line in row["text"].split("\n")] + [""]
    if ladder["omitted"]:
        lines.append(f"{'':{_TIME}} … {ladder['omitted']} messages in between were not kept")
    return lines


def live_line(row: Mapping[str, Any], peer: str, call_id: str, at: str, *, colour: bool = False) -> str:
    """One message as a line of its own: for a terminal that shows them as they come."""
    arrow = "──▶" if row["target"] == 1 else "◀──"
    notes = "  ".join(each for each in (row["sdp"], row["state"]) if each)
    again = f" ×{row['again'] + 1}" if row["again"] else ""
    line = f"{at}  {peer:>24} {arrow} {row['label'] + again:<32} {row['cseq']:<14} {call_id[:20]:<20} {notes}".rstrip()
    return _Paint(colour)(line, _kind(row))


def _row(row: Mapping[str, Any], columns: int, gap: int, paint: "_Paint", *, several_legs: bool) -> str:
    left, right = sorted((row["source"], row["target"]))
    span = (right - left) * gap - 1
    if row["kind"] == "media":
        arrow = _centred(f" {_cut(row['label'], span - 4)} ", span, "═")
        lasts = "goes on" if row["to_ms"] is None else f"{(row['to_ms'] - row['at_ms']) / 1000:.1f} s"
        notes = [row["addresses"], lasts, row["figures"]]
    else:
        again = f" ×{row['again'] + 1}" if row["again"] else ""
        label = _cut(row["label"] + again, span - 6)
        body = _centred(f" {label} ", span - 1, "─")
        arrow = f"{body}▶" if row["target"] > row["source"] else f"◀{body}"
        notes = [row["cseq"], row["sdp"], f"[{row['state']}]" if row["state"] else ""]
        if row["again"]:
            notes.append(f"last at {row['last_ms']:.0f} ms")
        if row["transport"] != "UDP":
            notes.append(row["transport"])
    before = "".join(f"│{' ' * (gap - 1)}" for _ in range(left))
    after = "".join(f"{' ' * (gap - 1)}│" for _ in range(right, columns - 1))
    number = f"({row['leg'] + 1}) " if several_legs else ""
    at = f"{row['at_ms']:>{_TIME}.1f}"
    notes_text = "  ".join(each for each in notes if each)
    return f"{at}  {before}│{paint(arrow, _kind(row))}│{after}  {number}{notes_text}".rstrip()


def _kind(row: Mapping[str, Any]) -> str:
    if row["kind"] == "media":
        return "media"
    status = row["label"][:1]
    if not row["label"][:3].isdigit():
        return "request"
    return "good" if status in "123" else "bad"


def _heads(columns: Sequence[str], gap: int) -> str:
    line = f"{'ms':>{_TIME}}  "
    for name in columns:
        line += _cut(name, gap - 2).ljust(gap)
    return line.rstrip()


def _gap(columns: int, width: int) -> int:
    room = width - _TIME - 2 - 40  # what is behind the arrows
    return max(MIN_GAP, min(MAX_GAP, room // max(1, columns - 1)))


def _cut(text: str, most: int) -> str:
    return text if _cells(text) <= most else text[: max(0, most - 1)] + "…"


def _centred(text: str, width: int, fill: str) -> str:
    left = max(0, width - _cells(text))
    return fill * (left // 2) + text + fill * (left - left // 2)


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) > 0 for char in text)


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, kind: str) -> str:
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._colour else text

"""HTML and SVG from values: whatever is no `Html` is text, and escaped. Pure."""

from collections.abc import Sequence
from html import escape

from offhook.observe.log import escape_control

VOID = frozenset({"meta", "link", "br", "hr", "img"})


class Html(str):
    """Markup that was made here. Everything else is text, whoever wrote it."""

    __slots__ = ()


Child = str | float | int | None


def text(value: object) -> Html:
    """A text, with everything escaped that means something in HTML, and control characters shown."""
    if isinstance(value, Html):
        return value
    return Html("\n".join(escape(escape_control(line)) for line in str(value).split("\n")))


def el(name: str, /, *children: Child, **attributes: object) -> Html:
    """An element. Attributes: `class_` is `class`, `view_box` is `viewBox`; other underscores are hyphens; None
    and False are left out, True stands alone. Children that are None are left out."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = _CASED.get(key) or key.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{_value(value)}"')
    begin = f"<{name}{''.join(written)}>"
    if name in VOID:
        return Html(begin)
    return Html(f"{begin}{join(*children)}</{name}>")


def join(*parts: Child) -> Html:
    """One after the other."""
    return Html("".join(text(each) for each in parts if each is not None))


def scrolled(name: str, content: Html) -> Html:
    """Something that may be wider than the page, and is named for who does not see it."""
    return el("div", content, class_="wide", tabindex=0, role="region", aria_label=name)


def table(heads: Sequence[str], rows: Sequence[Html], class_: str) -> Html:
    """Rows below the names of their columns."""
    head = el("thead", el("tr", *(el("th", each, scope="col") for each in heads)))
    return el("table", head, el("tbody", *rows), class_=class_)


_CASED = {"view_box": "viewBox"}


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return escape(escape_control(str(value)))

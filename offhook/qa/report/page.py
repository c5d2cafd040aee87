"""The report of a run as one page, which needs nothing from anywhere else: written call by call, as results come.

Its Content-Security-Policy allows nothing but its own style and script, which are known by their hashes: whatever a far
end writes into a header or says, is text.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from offhook.private_file import write_private
from offhook.qa.report.attachments import OPTION, Attachments
from offhook.qa.report.call_card import badge, call_card
from offhook.qa.report.charts import histogram
from offhook.qa.report.html import Html, el, join, scrolled, table
from offhook.qa.result import Result

CHARTED = ("response_ms", "barge_in_ms")


class HtmlReport:
    """Takes each result as it comes, so that no call's sound stays in memory for longer than the page needs it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._attachments = Attachments(path)
        self._began = datetime.now(UTC)
        self._rows: list[Html] = []
        self._cards: list[Html] = []
        self._passed = 0
        self._values: dict[str, list[float]] = {name: [] for name in CHARTED}

    def add(self, result: Result) -> None:
        """The next result. Raises UserError if a file has to be written beside the page, and cannot be."""
        number = len(self._cards) + 1
        self._cards.append(call_card(number, result, self._attachments))
        self._passed += result.passed
        for name, values in self._values.items():
            values += [each["value"] for each in result.details.get("figures", {}).get(name, ())]
        first = result.findings[0].what if result.findings else ""
        self._rows.append(
            el(
                "tr",
                el("td", str(number), class_="number"),
                el("td", el("a", result.name, href=f"#call-{number}")),
                el("td", badge(result)),
                el("td", f"{result.seconds:.1f} s", class_="number"),
                el("td", first),
            )
        )

    def write(self) -> None:
        """The page. Raises UserError."""
        # What a record has may hold halves of characters, which no file can.
        write_private(self._path, self._page().encode("utf-8", "replace"), OPTION)

    def _page(self) -> str:
        failed = len(self._cards) - self._passed
        title = f"offhook qa: {self._passed} passed, {failed} failed"
        heads = ("No.", "Call", "Verdict", "Took", "First finding")
        overview = el(
            "section",
            el("h1", title),
            el("p", f"{self._began:%Y-%m-%d %H:%M:%S} UTC", class_="note"),
            scrolled("All calls", table(heads, self._rows, "plain")),
            class_="card",
        )
        charts = [histogram(name, values) for name, values in self._values.items() if values]
        content = [overview]
        if charts:
            content.append(
                el("section", el("h2", "Over all calls"), el("div", *charts, class_="charts"), class_="card")
            )
        return _document(title, [*content, *self._cards])


def _document(title: str, sections: Sequence[Html]) -> str:
    style, script = _style(), _resource("qa/report/report.js")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; media-src data: file: 'self'; base-uri 'none'; form-action 'none'"
    )
    head = join(
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("style", Html(style)),
    )
    body = el(
        "body",
        el("header", el("span", "offhook", class_="brand"), el("span", "call test report"), class_="top"),
        el("main", *sections, class_="report"),
        el("script", Html(script)),
    )
    return f"<!doctype html>\n{el('html', el('head', head), body, lang='en')}\n"


def _style() -> str:
    """That of the bot's own pages, and what the report adds."""
    return _resource("web/page/style.css") + _resource("qa/report/report.css")


def _resource(name: str) -> str:
    return files("offhook").joinpath(*name.split("/")).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """A source of CSP 3 §2.3.1: the digest of exactly what stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"

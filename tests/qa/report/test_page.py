"""The page: it needs nothing else, runs nothing of others, and keeps what is large beside it."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from offhook.qa.report import attachments
from offhook.qa.report.call_card import MAX_LINE_CHARS, MAX_LINES
from offhook.qa.report.html import el
from offhook.qa.report.page import HtmlReport
from offhook.qa.result import Result
from offhook.usererror import UserError
from tests.qa.report.made_up import recording, results

LINKS = {"src", "href", "action", "srcset", "poster", "data", "xlink:href"}


class Page(HTMLParser):
    """What a browser would see: tags, attributes, the text of each tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def written(folder: Path) -> str:
    report = HtmlReport(folder / "report.html")
    for each in results():
        report.add(each)
    report.write()
    return (folder / "report.html").read_text()


def test_the_page_has_everything_in_it_and_asks_for_nothing(tmp_path: Path) -> None:
    page = Page(written(tmp_path))
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    links = [value or "" for _, attributes in page.tags for name, value in attributes.items() if name in LINKS]
    assert len(links) == 3 + 2 * 3 and all(
        each.startswith(("#call-", "data:audio/wav", "data:application")) for each in links
    )
    (policy,) = (a["content"] or "" for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for words in ("2 passed, 1 failed", "180 Ringing", "keys: 12", "barge-in 200", "RTP PCMU", "p50 480"):
        assert words in page.words


def test_nothing_of_a_far_end_is_markup(tmp_path: Path) -> None:
    text = written(tmp_path)
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert "img" not in tags and tags.count("script") == tags.count("style") == 1
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)
    assert "window.evil=1" in page.words and "\u202e" not in text


def test_a_transcript_without_end_is_cut(tmp_path: Path) -> None:
    call = recording()
    lines = [{"who": "bot", "text": "x" * 5_000, "at_s": 1.0}] * (MAX_LINES + 7)
    report = HtmlReport(tmp_path / "report.html")
    report.add(
        Result("x", "x.yaml", 1.0, recording=replace(call, seen=replace(call.seen, record={"transcript": lines})))
    )
    report.write()
    words = Page((tmp_path / "report.html").read_text()).words
    assert "7 more lines are left out" in words
    assert MAX_LINES * (MAX_LINE_CHARS - 1) <= words.count("x") <= MAX_LINES * MAX_LINE_CHARS + 1_000


def test_files_and_page_are_for_their_owner(tmp_path: Path) -> None:
    written(tmp_path)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600


def test_what_is_embedded_is_what_was_recorded(tmp_path: Path) -> None:
    text = written(tmp_path)
    found = {kind: base64.b64decode(data) for kind, data in re.findall(r'href="data:([\w./-]+);base64,([^"]+)"', text)}
    assert found == {"audio/wav": recording().wav(), "application/vnd.tcpdump.pcap": recording().pcap()}


@pytest.mark.parametrize("limit", ["MAX_EMBEDDED_BYTES", "MAX_ALL_EMBEDDED_BYTES"])
def test_what_is_large_is_beside_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(attachments, limit, 1_000)
    text = written(tmp_path)
    names = sorted(each.name for each in (tmp_path / "report-files").iterdir())
    bad = "1-bad-img-src-x-onerror-window-evil-1-script-window-evil-1-scr"
    assert names == [f"{bad}.pcap", f"{bad}.wav", "2-good.pcap", "2-good.wav"]
    assert all(f'href="report-files/{name}"' in text for name in names) and "base64" not in text
    assert (tmp_path / "report-files" / "2-good.wav").read_bytes() == recording().wav()
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "report-files").iterdir()} == {0o600}


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        HtmlReport(tmp_path / "none" / "report.html").write()


def test_values_are_escaped_and_attributes_named() -> None:
    made = el("a", "<b>", el("i", 1), None, class_="x", aria_label='"<', hidden=True, title=None, view_box="0 0 1 1")
    assert made == '<a class="x" aria-label="&quot;&lt;" hidden viewBox="0 0 1 1">&lt;b&gt;<i>1</i></a>'

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from offhook.records import RecordStore
from offhook.settings.config import Config, HttpConfig
from offhook.web.live import LiveHub
from offhook.web.pages import PAGES, read_pages
from offhook.web.site import add_site


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    store = RecordStore.open(str(tmp_path / "calls.db"))
    app = FastAPI()
    add_site(app, LiveHub(), store, Config())
    yield TestClient(app, base_url="http://localhost", client=("127.0.0.1", 40_000))
    store.close()


class References(HTMLParser):
    """What a page loads, and what of it the policy would not let run."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        source = found.get("src") if tag == "script" else found.get("href") if tag == "link" else None
        if source:
            self.loaded.append(source)
        elif tag in ("script", "style"):
            self.inline.append(tag)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", ["/", "/calls", "/calls/0123abcd"])
def test_the_pages_load_only_what_is_here_and_run_nothing_inline(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    found = References()
    found.feed(page.text)
    assert found.inline == []
    assert len(found.loaded) == 3
    for source in found.loaded:
        assert source.startswith("/page/")
        assert client.get(source).status_code == 200


def test_scripts_import_only_what_is_here(client: TestClient) -> None:
    static = read_pages()
    scripts = [name for name in static if name.startswith("js/")]
    assert len(scripts) > 10
    for name in scripts:
        for imported in re.findall(r'(?:from|import) "([^"]+)"', static[name].content.decode()):
            assert imported.startswith("./")
            assert client.get(f"/page/js/{imported[2:]}").headers["content-type"] == "text/javascript; charset=utf-8"


def test_no_script_makes_html_of_text() -> None:
    for name, file in read_pages().items():
        if name.startswith("js/"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", file.content.decode()
            )


def test_a_file_that_was_not_changed_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/page/style.css")
    again = client.get("/page/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/page/nothing.js", "/page/../app.py", "/page/%2e%2e/app.py", "/page/", "/page/js"])
def test_nothing_else_is_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_style_permission_is_good_for_one_answer_only(client: TestClient) -> None:
    nonces = []
    for _ in range(2):
        page = client.get("/calls/0123abcd")
        found = re.search(r'name="style-nonce" content="([^"]+)"', page.text)
        assert found is not None
        assert f"'nonce-{found[1]}'" in page.headers["content-security-policy"]
        nonces.append(found[1])
    assert nonces[0] != nonces[1]


def test_every_page_can_be_asked_for_by_its_head(client: TestClient) -> None:
    for path in PAGES:
        assert client.head(path.format(uniqueid="1")).status_code == 200


def test_a_stranger_sees_no_page(tmp_path: Path) -> None:
    store = RecordStore.open(str(tmp_path / "calls.db"))
    app = FastAPI()
    add_site(app, LiveHub(), store, Config())
    stranger = TestClient(app, client=("192.0.2.7", 40_000))
    for path in ("/", "/calls", "/page/style.css", "/api/calls", "/api/live"):
        assert stranger.get(path).status_code == 403
    store.close()


def test_with_a_password_a_stranger_sees_them(tmp_path: Path) -> None:
    store = RecordStore.open(str(tmp_path / "calls.db"))
    app = FastAPI()
    config = Config(http=HttpConfig(host="192.0.2.1", password="correct horse"))
    add_site(app, LiveHub(), store, config)
    stranger = TestClient(app, client=("192.0.2.7", 40_000))
    assert stranger.get("/").status_code == 401
    assert stranger.get("/", auth=("me", "wrong horse")).status_code == 401
    assert stranger.get("/", auth=("me", "correct horse")).status_code == 200
    assert stranger.get("/api/calls", auth=("me", "correct horse")).json() == {"calls": [], "next": None}
    store.close()


def test_the_password_is_not_shown_with_the_settings() -> None:
    config = Config(http=HttpConfig(password="correct horse"))
    assert "correct horse" not in f"{config} {config!r} {config.redacted()}"

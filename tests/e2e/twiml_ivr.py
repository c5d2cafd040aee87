"""The server of all TwiML cases at once: it knows by a header of the INVITE, and then by a cookie, whose call it is."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from offhook.http_request import AUDIO_TYPES
from offhook.telephony.tones import tones
from offhook.testing.wav_file import wav
from tests.offhook.twiml.table import HOST, MEDIA_HOST, NO_MP3, SOUND_S, TOKEN, Case, Page

CASE_HEADER = "X-Case"
FALLBACK, ENDED = "/fallback", "/ended"
"""What the bot's settings have for all calls; a case learns of the end at /status, if it wants to."""

TONE_HZ = 440.0
Asked = tuple[str, str, dict[str, str]]


class Ivr(ThreadingHTTPServer):
    """`asked` has the requests of each case, `ended` what was told of its end. `unsigned` are requests without a valid
    signature."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, cases: Mapping[str, Case], replaced: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.media = ThreadingHTTPServer(("127.0.0.1", 0), _MediaHandler)
        self.cases = cases
        self.replaced = {HOST: _url(self), MEDIA_HOST: _url(self.media), **replaced}
        self.asked: dict[str, list[Asked]] = {name: [] for name in cases}
        self.ended: dict[str, list[dict[str, str]]] = {name: [] for name in cases}
        self.unsigned: list[str] = []

    def here_of(self, path: str) -> str:
        """The address of a path."""
        return f"{_url(self)}{path}"

    def here(self, text: str) -> str:
        """A text with the addresses of this run in place of those of the table."""
        for name, address in self.replaced.items():
            text = text.replace(name, address)
        return text


def _url(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def running(ivr: Ivr) -> Iterator[Ivr]:
    """Its threads."""
    servers = (ivr, ivr.media)
    threads = [threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield ivr
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


class _MediaHandler(BaseHTTPRequestHandler):
    """Has sounds alone."""

    def do_GET(self) -> None:
        """A sound."""
        if "missing" in self.path:
            self.answer(404)
        elif "mp3" in self.path:
            self.answer(200, "audio/mpeg", NO_MP3)
        else:
            self.answer(200, "audio/wav", wav(tones((TONE_HZ,), 1_000 * SOUND_S)))

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def answer(self, status: int, kind: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send it."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class _Handler(_MediaHandler):
    server: Ivr

    def do_GET(self) -> None:
        """A sound, or a document."""
        if self.headers["Accept"] == AUDIO_TYPES:
            super().do_GET()
        else:
            query = urlsplit(self.path).query
            self._document("GET", dict(parse_qsl(query, keep_blank_values=True)), {})

    def do_POST(self) -> None:
        """A document."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = dict(parse_qsl(body, keep_blank_values=True))
        self._document("POST", form, form)

    def _document(self, method: str, given: dict[str, str], form: dict[str, str]) -> None:
        ivr, path = self.server, urlsplit(self.path).path
        signature = self.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(TOKEN).validate(f"{_url(ivr)}{self.path}", form, signature):
            ivr.unsigned.append(f"{method} {path}")
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("case")
        name = given.get(f"SipHeader_{CASE_HEADER}") or (cookie.value if cookie is not None else "")
        options = ivr.cases[name].options
        if path == ENDED:
            ivr.ended[name].append(given)
            path = "/status" if "status_url" in options else path
        if path != ENDED and (path != FALLBACK or "fallback_url" in options):
            ivr.asked[name].append((method, path, given))
        page = Page("") if path == ENDED else ivr.cases[name].pages.get(path)
        if page is None:
            self.answer(404)
        elif page.status:
            headers = {header: ivr.here(value) for header, value in page.headers}
            body = ivr.here(page.body).encode()
            self.answer(page.status, page.content_type, body, {**headers, "Set-Cookie": f"case={name}"})

"""An HTTP server on loopback whose transfers go wrong as told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What is served, and how. Lists are taken from the front, one for each request; empty: as it should be."""

    files: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int | None] = field(default_factory=list)
    """Bytes of the body after which the connection ends."""
    statuses: list[int | None] = field(default_factory=list)
    length_error: int = 0
    """Added to the Content-Length."""
    validator: bool = True
    """Whether there is an ETag."""
    ranges: bool = True
    wrong_place: bool = False
    """Answers to a range begin elsewhere."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range of each."""
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        wanted = self.headers.get("Range")
        site.requests.append((self.path, wanted))
        status = site.statuses.pop(0) if site.statuses else None
        content = site.files.get(self.path)
        if status is not None or content is None:
            self.send_error(status or 404)
            return
        tag = f'"{len(content)}-{hash(content) & 0xFFFF}"'
        first = 0
        if wanted is not None and site.ranges and self.headers.get("If-Range") == tag:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = content[first:]
        self.send_response(206 if first else 200)
        if first:
            stated = first + 7 if site.wrong_place else first
            self.send_header("Content-Range", f"bytes {stated}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body) + site.length_error))
        if site.validator:
            self.send_header("ETag", tag)
        self.end_headers()
        end = site.break_after.pop(0) if site.break_after else None
        with suppress(ConnectionError):  # the other side has seen enough
            self.wfile.write(body[:end])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    handler = type("Handler", (_Handler,), {"site": site})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()

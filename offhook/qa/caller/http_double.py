"""An HTTP server that stands for the systems behind a bot: it answers as the script says, and notes what was asked."""

import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from offhook.qa.script.script import HttpAnswer, HttpDouble
from offhook.qa.verdict.observed import HttpRequest
from offhook.usererror import UserError

HOST = "127.0.0.1"
MAX_BODY_BYTES = 1_000_000
MAX_REQUESTS = 1_000
"""More are answered, and not noted."""

TIMEOUT_S = 5.0


class RunningDouble:
    """The double during a call: `with`. Raises UserError where its port is taken."""

    def __init__(self, double: HttpDouble) -> None:
        self._requests: list[tuple[float, HttpRequest]] = []
        handler = type("Handler", (_Handler,), {"answers": double.answers, "requests": self._requests})
        try:
            self._server = ThreadingHTTPServer((HOST, double.port), handler)
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(f"the HTTP double cannot listen at {HOST}:{double.port}", why, "another `port`") from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(TIMEOUT_S)

    def since(self, began_s: float) -> tuple[HttpRequest, ...]:
        """What was asked, with times since `began_s` (monotonic seconds)."""
        return tuple(HttpRequest(at_s - began_s, each.method, each.path, each.body) for at_s, each in self._requests)


class _Handler(BaseHTTPRequestHandler):
    answers: Sequence[HttpAnswer]
    requests: list[tuple[float, HttpRequest]]
    timeout = TIMEOUT_S

    def _respond(self) -> None:
        length = self.headers.get("Content-Length", "0")
        size = min(int(length), MAX_BODY_BYTES) if length.isdigit() else 0
        body = self.rfile.read(size).decode("utf-8", "replace")
        if len(self.requests) < MAX_REQUESTS:
            self.requests.append((time.monotonic(), HttpRequest(0.0, self.command, self.path, body)))
        answer = next((each for each in self.answers if each.fits(self.command, self.path)), HttpAnswer(status=404))
        content = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json" if answer.body[:1] in ("{", "[") else "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # The names that http.server looks for.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _respond

    def log_message(self, format: str, *args: object) -> None:  # as in the base class
        """Nothing is printed."""

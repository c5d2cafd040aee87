"""Asks a running bot over its HTTP API, for the commands that show it."""

import base64
import json
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

import typer

from offhook.observe.log import escape_control
from offhook.settings.config import Config
from offhook.sip.net.address import Address
from offhook.usererror import UserError

TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 16 * 2**20
MAX_EVENT_BYTES = 2**20
PIECE_BYTES = 2**16

NOT_FOUND, NO_SUCH_PATH = 404, "Not Found"
"""The status, and what a program says that does not have the path at all."""

_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}

BotConfig = Annotated[Path | None, typer.Option("--config", help="The bot's settings.", metavar="FILE")]
BotHttp = Annotated[str | None, typer.Option("--http", help="Where its pages are.", metavar="HOST:PORT")]


class NoBotError(UserError):
    """No bot answers there."""


class NotFoundError(UserError):
    """The bot does not have what was asked for."""


class RunningBot:
    """A bot at a URL, and its password."""

    def __init__(self, url: str, password: str | None) -> None:
        self.url = url
        self.password = password

    @classmethod
    def of(cls, settings: Config, http: str | None) -> "RunningBot":
        """The bot with these settings, or at `http`. Raises UserError."""
        if http is None and not settings.http.enabled:
            raise UserError(
                "the bot cannot be asked", "its settings switch HTTP off", "enabled = true", "[http] enabled"
            )
        host = _ANY_HOST.get(settings.http.host, settings.http.host)
        return cls(f"http://{http or Address(host, settings.http.port)}", settings.http.password)

    def get(self, path: str, query: Mapping[str, str | int] | None = None, *, needs: str = "") -> dict[str, Any]:
        """The JSON object at a path, with the field that it `needs`. Raises UserError."""
        found = self._json("GET", path, query)
        if needs and needs not in found:
            raise self._absent("another program answers there")
        return found

    def post(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object that answers a posted one. Raises UserError."""
        return self._json("POST", path, None, content)

    def put(self, path: str, content: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object that answers one that is put there. Raises UserError."""
        return self._json("PUT", path, None, content)

    def delete(self, path: str) -> dict[str, Any]:
        """The JSON object that answers. Raises UserError."""
        return self._json("DELETE", path, None)

    def save(self, path: str, file: BinaryIO, most_bytes: int) -> None:
        """Write what is at a path into a file, no more than so much of it. Raises UserError, and OSError of the
        file."""
        for piece in self._pieces(path, most_bytes):
            file.write(piece)

    def _pieces(self, path: str, most_bytes: int) -> Iterator[bytes]:
        left = most_bytes
        try:
            with self._open("GET", path, None, None, TIMEOUT_S) as answer:
                while piece := answer.read(min(left, PIECE_BYTES)):
                    yield piece
                    left -= len(piece)
        except (OSError, HTTPException) as error:
            raise self._absent(str(error)) from error

    def events(self, path: str, query: Mapping[str, str | int]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The Server-Sent Events at a path, until the bot ends. Raises UserError."""
        name = ""
        try:
            # The bot sends a comment every 15 s.
            with self._open("GET", path, query, None, 60.0) as answer:
                while line := answer.readline(MAX_EVENT_BYTES):
                    text = line.decode("utf-8", "replace").rstrip("\n")
                    if text.startswith("event: "):
                        name = text.removeprefix("event: ")
                    elif text.startswith("data: "):
                        content = _printable(json.loads(text.removeprefix("data: ")))
                        if isinstance(content, dict):
                            yield name, content
        except (OSError, HTTPException, ValueError) as error:
            raise self._absent(str(error)) from error

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        content: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        try:
            with self._open(method, path, query, content, TIMEOUT_S) as answer:
                found = _printable(json.loads(answer.read(MAX_ANSWER_BYTES)))
        except (OSError, HTTPException, ValueError) as error:
            raise self._absent(str(error)) from error
        if not isinstance(found, dict):
            raise self._absent("another program answers there")
        return found

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        content: Mapping[str, object] | None,
        timeout_s: float,
    ) -> HTTPResponse:
        url = f"{self.url}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
        data = None if content is None else json.dumps(content).encode()
        try:
            request = Request(url, data, method=method)
        except ValueError as error:
            raise self._absent(str(error)) from error
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.password is not None:
            both = base64.b64encode(f"offhook:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {both}")
        try:
            # Not through a proxy: the bot is on this machine or nearby.
            opened: HTTPResponse = build_opener(ProxyHandler({})).open(request, timeout=timeout_s)
        except HTTPError as error:
            with error:
                raise self._refused(error) from error
        except URLError as error:
            raise self._absent(str(error.reason)) from error
        return opened

    def _absent(self, why: str) -> UserError:
        todo = "offhook serve, or --http HOST:PORT of the one that runs"
        return NoBotError(f"no bot answers at {self.url}", why, todo)

    def _refused(self, error: HTTPError) -> UserError:
        if error.code in (401, 403):
            why = f"HTTP {error.code}: it needs its password"
            return UserError(f"the bot at {self.url} does not show its status", why, "OFFHOOK_HTTP__PASSWORD=…")
        try:
            said = json.loads(error.read(MAX_ANSWER_BYTES))
            if error.code == NOT_FOUND and said.get("detail", NO_SUCH_PATH) != NO_SUCH_PATH:
                return NotFoundError(str(said["detail"]), f"HTTP {error.code}", "offhook status, for what there is")
            what, why, todo = str(said["what"]), str(said["why"]), str(said["todo"])
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            return self._absent(f"HTTP {error.code}")
        return (NotFoundError if error.code == NOT_FOUND else UserError)(what, why, todo)


def _printable(value: Any) -> Any:
    """What JSON says, without anything but line ends that would control a terminal: another program may answer."""
    if isinstance(value, str):
        return "\n".join(escape_control(line) for line in value.split("\n"))
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {_printable(name): _printable(each) for name, each in value.items()}
    return value

"""Deepgram's API: /v1/listen, /v2/listen (Flux), /v1/speak, /v2/speak (Flux), and POST /v1/speak.

    async with DeepgramServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key}

The key is the header `Authorization: Token KEY` (or `Bearer`); a wrong one is refused at the upgrade, as are options
that Deepgram does not have. `http_url` is where the requests by HTTP go.
"""

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from offhook.testing.vendors.deepgram_listen import FluxSession, NovaSession
from offhook.testing.vendors.deepgram_session import CODECS, Host
from offhook.testing.vendors.deepgram_speak import AuraSession, FluxVoiceSession
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, json_response
from offhook.testing.vendors.http_vendor import too_many
from offhook.testing.vendors.script import Transcribe
from offhook.testing.vendors.server import SessionLog
from offhook.testing.vendors.tone_speech import speak

_SESSIONS = {
    "/v1/listen": NovaSession,
    "/v2/listen": FluxSession,
    "/v1/speak": AuraSession,
    "/v2/speak": FluxVoiceSession,
}
_FLUX_RANGES = {"eot_threshold": (0.5, 1.0), "eager_eot_threshold": (0.3, 0.9), "eot_timeout_ms": (500, 60_000)}
MAX_TEXT = 2_000


class DeepgramServer(Host):
    """`answers_after_end`: whether an Interrupt is executed after the last audio has been sent. `requests` has those by
    HTTP."""

    paths = tuple(_SESSIONS)

    def __init__(
        self, texts: Iterable[str] | Transcribe = (), *, answers_after_end: bool = True, **options: Any
    ) -> None:
        super().__init__(texts, **options)
        self.answers_after_end = answers_after_end
        self.requests: list[HttpRequest] = []

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By the header."""
        return self._is_key(request.headers.get("Authorization"))

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve one of the APIs."""
        await _SESSIONS[log.path](self, connection, log).run()

    def plain_response(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse options that Deepgram does not have."""
        url = urlsplit(request.path)
        wrong = _wrong(url.path, {name: values[0] for name, values in parse_qs(url.query).items()})
        if not wrong:
            return None
        body = json.dumps({"err_code": "INVALID_QUERY_PARAMETER", "err_msg": wrong, "request_id": "request"})
        return connection.respond(HTTPStatus.BAD_REQUEST, body)

    def denied(self, request: HttpRequest) -> HttpResponse | None:
        """See HttpVendorServer."""
        if self._is_key(request.headers.get("authorization")):
            return None
        return json_response(401, {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials."})

    def busy(self) -> HttpResponse:
        """See HttpVendorServer."""
        return too_many({"err_code": "TOO_MANY_REQUESTS", "err_msg": "Too many requests."})

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Speak."""
        self.requests.append(request)
        url = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path != "/v1/speak" or request.method != "POST":
            return json_response(404, {"err_code": "NOT_FOUND", "err_msg": "There is no such path."})
        wrong = _wrong(url.path, query)
        text = json.loads(request.body).get("text", "")
        if not wrong and not 0 < len(text) <= MAX_TEXT:
            wrong = f"Text has {len(text)} characters, not 1 to {MAX_TEXT}."
        if wrong:
            return json_response(400, {"err_code": "INVALID_QUERY_PARAMETER", "err_msg": wrong})
        encoding, rate_hz = query["encoding"], int(query["sample_rate"])
        audio = CODECS[encoding][1](speak(text, rate_hz))
        return self.speech(audio, rate_hz * (2 if encoding == "linear16" else 1), "audio/basic")

    def _is_key(self, header: str | None) -> bool:
        return header in (f"Token {self.api_key}", f"Bearer {self.api_key}")


def _wrong(path: str, query: Mapping[str, str]) -> str:
    """What is wrong with a query."""
    encoding, rate = query.get("encoding", "linear16"), query.get("sample_rate", "")
    if encoding not in CODECS or not rate.isdigit():
        return f"encoding {encoding!r} or sample_rate {rate!r} is not valid."
    if encoding != "linear16" and int(rate) not in (8_000, 16_000):
        return f"{encoding} has no sample rate of {rate}."
    model = query.get("model", "")
    if not model:
        return "model is missing."
    if path.startswith("/v2") is not model.startswith("flux"):
        return f"{path} has no model {model!r}."
    for name, (low, high) in _FLUX_RANGES.items():
        if name in query and not low <= float(query[name]) <= high:
            return f"{name} must be from {low} to {high}."
    return ""

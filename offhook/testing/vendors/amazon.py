"""Amazon's Transcribe and Polly.

    async with AmazonServer(["check my balance"]) as server:
        asr_options = {"endpoint_url": server.url, **server.credentials}
        tts_options = {"endpoint_url": server.http_url, **server.credentials}

Transcribe is at `url` (WebSocket, /stream-transcription-websocket), Polly at `http_url` (/v1/speech). Each request must
have a right signature of `access_key_id` with `api_key`, the secret key. A stream of Transcribe has one turn, so the
fault `wrong-context` does nothing; nor has Polly contexts.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from offhook.testing.vendors.amazon_polly import PATH, audio_of, marks_of, wrong_request
from offhook.testing.vendors.amazon_transcribe import IDLE_S, TranscribeStream, wrong_options
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, json_response
from offhook.testing.vendors.http_vendor import HttpVendorServer
from offhook.testing.vendors.script import Transcribe
from offhook.testing.vendors.server import SessionLog, parsed
from offhook.testing.vendors.sigv4 import SignatureError, check

STREAMING = "/stream-transcription-websocket"


class AmazonServer(HttpVendorServer):
    """Speaks as `tone_speech` does. `requests` has what Polly was asked."""

    paths = (STREAMING,)
    region = "us-east-1"

    access_key_id = "test-key-id"

    def __init__(self, texts: Iterable[str] | Transcribe = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.requests: list[dict[str, Any]] = []

    @property
    def keys(self) -> Mapping[str, str]:
        """The secret keys by access key id."""
        return {self.access_key_id: self.api_key}

    @property
    def credentials(self) -> dict[str, str]:
        """The options of an engine that may use it."""
        return {"region": self.region, "access_key_id": self.access_key_id, "secret_access_key": self.api_key}

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By `plain_response`, in Amazon's words."""
        return True

    def plain_response(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a wrong signature, or options that Transcribe does not have."""
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        try:
            check("GET", request.path, headers, b"", self.keys, "transcribe", datetime.now(UTC))
        except SignatureError as error:
            return _refusal(connection, 403, error.code, str(error))
        wrong = wrong_options(dict(parse_qsl(urlsplit(request.path).query)))
        return _refusal(connection, 400, "BadRequestException", wrong) if wrong else None

    def denied(self, request: HttpRequest) -> HttpResponse | None:
        """See HttpVendorServer."""
        now = datetime.now(UTC)
        try:
            check(request.method, request.path, request.headers, request.body, self.keys, "polly", now)
        except SignatureError as error:
            return _complaint(403, error.code, str(error))
        return None

    def busy(self) -> HttpResponse:
        """See HttpVendorServer."""
        return _complaint(400, "ThrottlingException", "Rate exceeded")

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """Speak, or tell where the words are."""
        if (request.method, request.path) != ("POST", PATH):
            return _complaint(404, "UnknownOperationException", "")
        fields = parsed(request.body) or {}
        self.requests.append(fields)
        if wrong := wrong_request(fields):
            return _complaint(400, *wrong)
        text = str(fields["Text"])
        if fields["OutputFormat"] == "json":
            return HttpResponse(content_type="application/x-json-stream", body=marks_of(text))
        response = self.speech(*audio_of(fields))
        response.headers["x-amzn-RequestCharacters"] = str(len(text))
        return response

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a stream."""
        options = {name: values[0] for name, values in log.query.items()}
        stream = TranscribeStream(self, options, log, connection.send)
        while True:
            data = await self.receive(connection, log, IDLE_S)
            if data is None:
                await stream.timed_out()
                break
            if not isinstance(data, bytes):
                await stream.refuse("BadRequestException", "A text message is not an event.")
                break
            if not await stream.take(data):
                break
        await connection.close(1000)


def _refusal(connection: ServerConnection, status: int, code: str, why: str) -> Response:
    response = connection.respond(HTTPStatus(status), json.dumps({"Message": why}))
    response.headers["x-amzn-ErrorType"] = code
    return response


def _complaint(status: int, code: str, why: str) -> HttpResponse:
    response = json_response(status, {"message": why})
    response.headers["x-amzn-ErrorType"] = code
    return response

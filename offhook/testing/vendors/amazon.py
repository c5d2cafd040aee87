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

from offhook.testing.vendors.amazon_polly import Polly
from offhook.testing.vendors.amazon_transcribe import IDLE_S, TranscribeStream, wrong_options
from offhook.testing.vendors.http_server import HttpServer
from offhook.testing.vendors.script import Transcribe
from offhook.testing.vendors.server import SessionLog, VendorServer
from offhook.testing.vendors.sigv4 import SignatureError, check

STREAMING = "/stream-transcription-websocket"


class AmazonServer(VendorServer):
    """Speaks as `tone_speech` does. `requests` has what Polly was asked."""

    paths = (STREAMING,)
    region = "us-east-1"

    access_key_id = "test-key-id"

    def __init__(self, texts: Iterable[str] | Transcribe = (), **options: Any) -> None:
        super().__init__(texts, **options)
        self.polly = Polly(self, lambda: self.keys)
        self.requests = self.polly.requests
        self.http = HttpServer(self.polly.answer)

    @property
    def http_url(self) -> str:
        """Polly's address: for the voice's `endpoint_url`, and that of Amazon's own client."""
        return f"http://127.0.0.1:{self.http.port}"

    @property
    def keys(self) -> Mapping[str, str]:
        """The secret keys by access key id."""
        return {self.access_key_id: self.api_key}

    @property
    def credentials(self) -> dict[str, str]:
        """The options of an engine that may use it."""
        return {"region": self.region, "access_key_id": self.access_key_id, "secret_access_key": self.api_key}

    async def start(self, port: int = 0) -> None:
        """Listen on two free ports of 127.0.0.1; the WebSocket's may be given."""
        await super().start(port)
        await self.http.start()

    async def close(self) -> None:
        """End all connections. Idempotent."""
        await super().close()
        await self.http.close()

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

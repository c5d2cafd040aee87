"""Azure Speech on a WebSocket: speech to text, and text to speech with and without text streaming.

    async with AzureServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key}

The paths are /speech/… (recognition) and /cognitiveservices/websocket/… (synthesis), also behind /stt and /tts; by HTTP
there is /cognitiveservices/voices/list. The key is the header `Ocp-Apim-Subscription-Key`, or a bearer token. A phrase
ends by silence, a turn by an audio message without audio.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from offhook.testing.vendors.azure_listen import ListenSession
from offhook.testing.vendors.azure_session import AzureHost
from offhook.testing.vendors.azure_speak import VOICES, SpeakSession
from offhook.testing.vendors.server import SessionLog

VOICES_LIST = "/cognitiveservices/voices/list"
SYNTHESIS = "/cognitiveservices/websocket/"

_UUID = re.compile(r"[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{4,10})?-[A-Z]{2}(-[a-z]+)?")


class AzureServer(AzureHost):
    """See AzureHost."""

    paths = ("/speech/", "/stt/speech/", "/cognitiveservices/", "/tts/cognitiveservices/")

    def authorised(self, request: Request, query: Mapping[str, list[str]]) -> bool:
        """By the key, or by a token, for which the key passes here."""
        headers = request.headers
        if (key := headers.get("Ocp-Apim-Subscription-Key")) is not None:
            return key == self.api_key
        return headers.get("Authorization") == f"Bearer {self.api_key}"

    def plain_response(self, connection: ServerConnection, request: Request) -> Response | None:
        """The list of voices; or 400 for what Azure does not take."""
        url = urlsplit(request.path)
        if url.path.endswith(VOICES_LIST):
            response = connection.respond(HTTPStatus.OK, json.dumps(VOICES))
            del response.headers["Content-Type"]
            response.headers["Content-Type"] = "application/json; charset=utf-8"
            return response
        query = parse_qs(url.query)
        connection_id = request.headers.get("X-ConnectionId") or query.get("X-ConnectionId", [""])[0]
        if not _UUID.fullmatch(connection_id):
            return connection.respond(HTTPStatus.BAD_REQUEST, "X-ConnectionId is not a UUID.")
        for language in query.get("language", []):
            if not _LOCALE.fullmatch(language):
                return connection.respond(HTTPStatus.BAD_REQUEST, f"Unsupported language {language}.")
        return None

    async def session(self, connection: ServerConnection, log: SessionLog) -> None:
        """Serve a recogniser or a voice."""
        kind = SpeakSession if SYNTHESIS in log.path else ListenSession
        session = kind(self, connection, log)
        limit = self.spawn(session.end_at_last(self.max_connection_s))
        try:
            await session.run()
        finally:
            limit.cancel()

"""Google's Speech-to-Text v2 and Text-to-Speech by gRPC, with the message types of Google's own clients.

    async with GoogleServer(["check my balance"]) as server:
        engine_options = {"base_url": server.url, "api_key": server.api_key, "project": "test"}

A call is authenticated by the metadata `x-goog-api-key`, or by `authorization: Bearer TOKEN`: `access_token`, or one
that was signed with the key of `service_account`. Google's words and codes are used for what it refuses.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import google.auth.jwt
import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.cloud.speech_v2.types import StreamingRecognizeRequest
from google.cloud.texttospeech_v1.types import ListVoicesRequest, StreamingSynthesizeRequest, SynthesizeSpeechRequest
from google.cloud.texttospeech_v1beta1.types import SynthesizeSpeechRequest as MarkedRequest

from offhook.testing.vendors import google_voice
from offhook.testing.vendors.google_recognition import MAX_STREAM_S, Recognition
from offhook.testing.vendors.grpc_server import Call, GrpcServer, Method
from offhook.testing.vendors.script import Transcribe

SPEECH = "google.cloud.speech.v2.Speech"
VOICE = "google.cloud.texttospeech.v1.TextToSpeech"
VOICE_BETA = "google.cloud.texttospeech.v1beta1.TextToSpeech"
PROJECT = "test"
EMAIL = "bot@test.iam.gserviceaccount.com"

NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
WRONG_TOKEN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential."
)


class GoogleServer(GrpcServer):
    """Speaks as `tone_speech` does. `max_stream_s` is how much audio a call may have."""

    project = PROJECT

    def __init__(
        self, texts: Iterable[str] | Transcribe = (), *, max_stream_s: float = MAX_STREAM_S, **given: Any
    ) -> None:
        super().__init__(texts, **given)
        self.max_stream_s = max_stream_s
        self.access_token = "test-token"
        self._public_key: bytes | None = None

        async def recognise(call: Call) -> None:
            await Recognition(self.script, self.max_stream_s, call).run()

        async def stream(call: Call) -> None:
            await google_voice.stream(call, self.realtime_factor)

        self.methods = {
            f"{SPEECH}/StreamingRecognize": Method(StreamingRecognizeRequest.pb(), recognise),
            f"{VOICE}/StreamingSynthesize": Method(StreamingSynthesizeRequest.pb(), stream),
            f"{VOICE}/SynthesizeSpeech": Method(SynthesizeSpeechRequest.pb(), google_voice.whole),
            f"{VOICE_BETA}/SynthesizeSpeech": Method(MarkedRequest.pb(), google_voice.marked),
            f"{VOICE}/ListVoices": Method(ListVoicesRequest.pb(), google_voice.listed),
        }

    def service_account(self, path: Path) -> Path:
        """Writes the file of a service account, as Google's console gives it, with a new key. Returns `path`."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._public_key = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        fields = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": private.decode("ascii"),
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": "https://oauth2.googleapis.com/token",
        }
        path.write_text(json.dumps(fields))
        return path

    def refusal(self, metadata: dict[str, str]) -> tuple[grpc.StatusCode, str] | None:
        """See GrpcServer."""
        key, bearer = metadata.get("x-goog-api-key"), metadata.get("authorization", "").removeprefix("Bearer ")
        if key is not None:
            wrong_key = (grpc.StatusCode.INVALID_ARGUMENT, "API key not valid. Please pass a valid API key.")
            return None if key == self.api_key else wrong_key
        if not bearer:
            return grpc.StatusCode.PERMISSION_DENIED, NO_KEY
        if bearer == self.access_token or self._is_signed(bearer):
            return None
        return grpc.StatusCode.UNAUTHENTICATED, WRONG_TOKEN

    def _is_signed(self, token: str) -> bool:
        if self._public_key is None:
            return False
        try:
            claims: Any = google.auth.jwt.decode(token, certs=self._public_key, clock_skew_in_seconds=10)
        except ValueError:
            return False
        return bool(claims["iss"] == claims["sub"] == EMAIL and "cloud-platform" in claims.get("scope", ""))

"""What Google's recogniser and voice have in common: options, addresses, access.

Written against googleapis' protocol buffers google.cloud.speech.v2 and google.cloud.texttospeech.v1, and Google's pages
"Quotas and limits" of both. Calls are made on channels of gRPC with the message types of Google's own clients: their
methods would build each message of 20 ms in Python.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from offhook.engines.factory import FromEnvironment
from offhook.vendors.google_auth import HINT, KEY_HINT, GoogleAuth
from offhook.vendors.grpc_channels import GrpcChannels
from offhook.vendors.grpc_wire import GrpcWire
from offhook.vendors.limits import Limits
from offhook.vendors.target import LOOPBACK, Target

VENDOR = "Google"
KEY_VARIABLE = "GOOGLE_API_KEY"


class GoogleOptions(BaseModel):
    """Options of recogniser and voice. Without a key and a file, Google's application default credentials are used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr | None, FromEnvironment(KEY_VARIABLE)] = None
    credentials_file: Path | None = None
    location: str = "global"
    base_url: str | None = None

    @field_validator("base_url")
    @classmethod
    def _safe(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https://google")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("it must begin with https://, or with http:// for a server on this machine")
        return url


def target(kind: Literal["asr", "tts"], name: str, options: GoogleOptions, service: str, method: str) -> Target:
    """An address: the method of a service, such as "speech" and "google.cloud.speech.v2.Speech/StreamingRecognize"."""
    at = "" if options.location == "global" else f"{options.location}-"
    base = options.base_url or f"https://{at}{service}.googleapis.com"
    hint = HINT if options.api_key is None else KEY_HINT
    return Target(kind, name, VENDOR, f"{base.rstrip('/')}/{method}", (), hint)


class GoogleAccess:
    """Credentials and channels of one engine."""

    def __init__(self, name: str, options: GoogleOptions, limits: Limits) -> None:
        key = None if options.api_key is None else options.api_key.get_secret_value()
        self.auth = GoogleAuth(name, key, options.credentials_file)
        self.channels = GrpcChannels(self.auth.headers, limits)

    async def dial(self, target: Target, limits: Limits) -> GrpcWire:
        """See Dial."""
        return await self.channels.dial(target, limits)

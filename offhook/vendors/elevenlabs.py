"""What ElevenLabs' recogniser and voice have in common: options, addresses, errors.

Written against ElevenLabs' API reference, "Realtime speech to text" and "Multi-context WebSocket" (text to speech).
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, SecretStr

from offhook.engines.factory import FromEnvironment
from offhook.pipeline.errors import EngineError
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.g711 import Format
from offhook.vendors.target import Target

VENDOR = "ElevenLabs"
KEY_VARIABLE = "ELEVENLABS_API_KEY"
BASE_URL = "wss://api.elevenlabs.io"

FORMATS = {"PCMU": "ulaw", "PCMA": "alaw", "LINEAR16": "pcm"}

_REFUSALS = frozenset(
    {
        "auth_error",
        "invalid_api_key",
        "invalid_output_format",
        "invalid_request",
        "model_not_found",
        "quota_exceeded",
        "unaccepted_terms",
        "voice_not_found",
    }
)
"""Errors that another attempt would meet again."""


class ElevenLabsOptions(BaseModel):
    """Options of recogniser and voice. `enable_logging` false asks ElevenLabs to keep nothing (zero retention), which
    an account must be allowed to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, FromEnvironment(KEY_VARIABLE)]
    base_url: str = BASE_URL
    enable_logging: bool = True


def format_name(format_: Format) -> str:
    """What ElevenLabs calls it: "ulaw_8000"."""
    return f"{FORMATS[format_.encoding]}_{format_.rate_hz}"


def target(
    kind: Literal["asr", "tts"], name: str, options: ElevenLabsOptions, path: str, query: Mapping[str, str | list[str]]
) -> Target:
    """An address with the key."""
    query = query if options.enable_logging else {**query, "enable_logging": "false"}
    return Target(
        kind,
        name,
        VENDOR,
        f"{options.base_url.rstrip('/')}{path}?{urlencode(query, doseq=True)}",
        (("xi-api-key", options.api_key.get_secret_value()),),
        f"Type: export {KEY_VARIABLE}=…",
    )


def error_of(where: Target, code: str, fields: Mapping[str, Any]) -> EngineError:
    """The error that a message tells; `code` is ElevenLabs' word for it."""
    what = f"talking to {VENDOR}"
    why = str(fields.get("message") or fields.get("error") or code)
    why = f"{why[:200]} ({code})"
    if code in ("auth_error", "invalid_api_key"):
        return VendorRefusedError(where.name, what, f"{VENDOR} refused the key: {why}", where.hint)
    if code in _REFUSALS:
        return VendorRefusedError(where.name, what, f"{VENDOR} refused the request: {why}")
    return EngineError(where.name, what, why)

"""What Cartesia's recogniser and voice have in common: options, addresses, errors.

Written against Cartesia's API reference of 2026-03-01, "Realtime Speech-to-Text (Manual)", "Realtime Speech-to-Text
(Auto)" and "Text to Speech (WebSocket)".
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, SecretStr

from offhook.engines.factory import FromEnvironment
from offhook.pipeline.asr.engine import Encoding
from offhook.pipeline.errors import EngineError
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.target import Target

VENDOR = "Cartesia"
KEY_VARIABLE = "CARTESIA_API_KEY"
VERSION = "2026-03-01"

ENCODINGS: dict[Encoding, str] = {"PCMU": "pcm_mulaw", "PCMA": "pcm_alaw", "LINEAR16": "pcm_s16le"}

_MAY_PASS = (408, 425, 429)


class CartesiaOptions(BaseModel):
    """Options of recogniser and voice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, FromEnvironment(KEY_VARIABLE)]
    base_url: str = "wss://api.cartesia.ai"


def target(
    kind: Literal["asr", "tts"], name: str, options: CartesiaOptions, path: str, query: Mapping[str, str | list[str]]
) -> Target:
    """An address with the key."""
    return Target(
        kind,
        name,
        VENDOR,
        f"{options.base_url.rstrip('/')}{path}?{urlencode({**query, 'cartesia_version': VERSION}, doseq=True)}",
        (("X-API-Key", options.api_key.get_secret_value()), ("Cartesia-Version", VERSION)),
        f"Type: export {KEY_VARIABLE}=…",
    )


def error_of(where: Target, fields: Mapping[str, Any]) -> EngineError:
    """The error that a message of the type `error` tells."""
    what = f"talking to {VENDOR}"
    status = fields.get("status_code")
    why = str(fields.get("message") or fields.get("error") or fields.get("title") or "it did not say why")[:200]
    why = f"{why} ({fields.get('error_code') or status})"
    if isinstance(status, int) and 400 <= status < 500 and status not in _MAY_PASS:
        hint = where.hint if status in (401, 403) else f"Look at the options below [{where.kind}.{where.name}]."
        return VendorRefusedError(where.name, what, why, hint)
    return EngineError(where.name, what, why)

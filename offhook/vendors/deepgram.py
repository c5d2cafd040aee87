"""What Deepgram's recognisers and voices have in common: key, address, names of encodings."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from offhook.engines.factory import EngineContext, FromEnvironment
from offhook.pipeline.asr.engine import Encoding
from offhook.vendors.g711 import Format
from offhook.vendors.target import Target

KEY_VARIABLE = "DEEPGRAM_API_KEY"
ENCODINGS: dict[Encoding, str] = {"PCMU": "mulaw", "PCMA": "alaw", "LINEAR16": "linear16"}

Value = str | int | float | bool | list[str] | None
Query = Mapping[str, Value]


class DeepgramOptions(BaseModel):
    """Options of all of Deepgram's engines. `base_url` is its service, one of your own, or a test server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, FromEnvironment(KEY_VARIABLE)]
    base_url: str = "wss://api.deepgram.com"
    mip_opt_out: bool = True
    """Keeps the calls' audio and texts out of Deepgram's training."""
    tag: str | None = None
    """A label in Deepgram's usage reports."""
    spare: Annotated[int, Field(ge=0, le=64)] = 1
    """Connections that each worker opens before they are needed."""


def target(options: DeepgramOptions, context: EngineContext, path: str, form: Format, query: Query) -> Target:
    """Where to connect for audio in `form`. Values of the query that are None are left out."""
    common: Query = {
        "encoding": ENCODINGS[form.encoding],
        "sample_rate": form.rate_hz,
        "mip_opt_out": options.mip_opt_out or None,
        "tag": options.tag,
    }
    pairs = [(name, each) for name, value in {**query, **common}.items() for each in _values(value)]
    return Target(
        "tts" if context.kind == "tts" else "asr",
        context.name,
        "Deepgram",
        f"{options.base_url.rstrip('/')}{path}?{urlencode(pairs)}",
        (("Authorization", f"Token {options.api_key.get_secret_value()}"),),
        f"Type: export {KEY_VARIABLE}=…",
    )


def _values(value: Value) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]

"""What Azure Speech's recogniser and voices have in common: options, addresses, errors."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from offhook.engines.factory import EngineContext, FromEnvironment
from offhook.pipeline.errors import EngineError
from offhook.usererror import Problem, UserError
from offhook.vendors.azure_wire import json_message, new_id
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target

VENDOR = "Azure"
KEY_VARIABLE, REGION_VARIABLE = "AZURE_SPEECH_KEY", "AZURE_SPEECH_REGION"
HINT = f"Type: export {KEY_VARIABLE}=…, the key of a Speech resource of that region."

LIMITS = Limits(unused_s=150.0, max_age_s=480.0, max_queued_bytes=4_000_000)
"""Azure closes a connection after 10 minutes, and one that is not used after 3."""

_SPEECH_CONFIG = {
    "context": {
        "system": {"name": "offhook", "version": "1.0.0", "build": "Python", "lang": "Python"},
        "os": {"platform": "Linux", "name": "Linux", "version": "1"},
        "audio": {"source": {"type": "Stream", "connectivity": "Unknown", "manufacturer": "offhook", "model": "phone"}},
    }
}

# Azure knows no language without its region.
_REGIONS = {"ar": "EG", "ca": "ES", "cs": "CZ", "da": "DK", "el": "GR", "en": "US", "et": "EE", "ga": "IE", "he": "IL",
            "hi": "IN", "ja": "JP", "ko": "KR", "nb": "NO", "pt": "BR", "sl": "SI", "sv": "SE", "uk": "UA", "vi": "VN",
            "zh": "CN"}  # fmt: skip
_SUFFIXES = {"china": "azure.cn", "usgov": "azure.us"}


class AzureOptions(BaseModel):
    """Options of recogniser and voice. `base_url` is in place of the region: a container of your own, or a resource's
    own name. `token_file` has a token in place of the key, and is read for each connection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr | None, FromEnvironment(KEY_VARIABLE)] = None
    token_file: Path | None = None
    region: Annotated[str | None, FromEnvironment(REGION_VARIABLE), Field(pattern=r"^[a-z0-9]+$")] = None
    base_url: str | None = None


def check_options(options: AzureOptions, context: EngineContext) -> None:
    """Raises UserError if there is no key, or no region."""
    problems = []
    if options.api_key is None and options.token_file is None:
        todo = f"export {KEY_VARIABLE}=…, or `token_file = …` below `{context.where}`"
        problems.append(Problem(f"{context.name} needs `api_key`", "it is not set", todo, context.where))
    if options.region is None and options.base_url is None:
        todo = f"export {REGION_VARIABLE}=…, such as westeurope"
        problems.append(Problem(f"{context.name} needs `region`", "it is not set", todo, context.where))
    if problems:
        raise UserError.of(problems)


class Addresses:
    """The addresses of a resource, and the key for them. One for each engine: equal targets share connections."""

    def __init__(self, service: Literal["stt", "tts", "voice"], context: EngineContext, options: AzureOptions) -> None:
        self._service = service
        self._kind: Literal["asr", "tts"] = "asr" if service == "stt" else "tts"
        self._context = context
        self._options = options

    def target(self, path: str, query: Mapping[str, str]) -> Target:
        """For a WebSocket."""
        url = f"{self._base_url}{path}" + (f"?{urlencode(query)}" if query else "")
        return Target(self._kind, self._context.name, VENDOR, url, hint=HINT, sign=self.open_socket)

    def rest_target(self, path: str) -> Target:
        """For HTTP."""
        url = f"http{self._base_url.removeprefix('ws')}{path}"
        return Target(self._kind, self._context.name, VENDOR, url, hint=HINT, sign=self.sign)

    @property
    def _base_url(self) -> str:
        options = self._options
        if options.base_url is not None:
            base_url = options.base_url.rstrip("/")
            return f"ws{base_url.removeprefix('http')}" if base_url.startswith("http") else base_url
        region = options.region or ""
        suffix = next((suffix for name, suffix in _SUFFIXES.items() if region.startswith(name)), "microsoft.com")
        return f"wss://{region}.{self._service}.speech.{suffix}"

    def sign(self, target: Target, _body: bytes) -> Target:
        """With an id of its own, and the key or the token. Raises EngineError if its file cannot be read."""
        if self._options.token_file is not None:
            try:
                token = self._options.token_file.read_text("ascii").strip()
            except (OSError, ValueError) as error:
                hint = f"Look at `token_file` below {self._context.where}."
                what = f"connecting to {VENDOR}"
                raise VendorRefusedError(self._context.name, what, f"the token: {error}", hint) from error
            key = ("Authorization", f"Bearer {token}")
        else:
            secret = self._options.api_key
            key = ("Ocp-Apim-Subscription-Key", "" if secret is None else secret.get_secret_value())
        return replace(target, headers=(("X-ConnectionId", new_id()), key))

    def open_socket(self, target: Target, body: bytes) -> Target:
        """The same for a WebSocket, with the message that must be its first."""
        hello = (json_message("speech.config", new_id(), _SPEECH_CONFIG),)
        return replace(self.sign(target, body), hello=hello)


def locale(language: str) -> str:
    """What Azure calls a BCP 47 tag: "de" is "de-DE"."""
    primary, _, rest = language.partition("-")
    primary = primary.lower()
    if not rest:
        return f"{primary}-{_REGIONS.get(primary, primary.upper())}"
    return "-".join([primary, *(part.upper() if len(part) == 2 else part for part in rest.split("-"))])


def error_of(where: Target, status: str, fields: Mapping[str, Any]) -> EngineError:
    """The error that a result's `RecognitionStatus` tells."""
    what = f"talking to {VENDOR}"
    said = fields.get("ErrorDetails") or fields.get("DisplayText")
    why = status + (f": {json.dumps(said)[:200]}" if said else "")
    if status == "Forbidden":
        return VendorRefusedError(where.name, what, f"the account has no quota left ({why})")
    if status == "BadRequest":
        hint = f"Look at the options below [{where.kind}.{where.name}]."
        return VendorRefusedError(where.name, what, f"{VENDOR} refused the request ({why})", hint)
    return EngineError(where.name, what, why)

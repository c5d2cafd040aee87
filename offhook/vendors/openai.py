"""What OpenAI's recognisers and voices have in common.

Written against OpenAI's API reference, "Realtime" (transcription sessions) and "Audio". Other servers with the same API
are reached by `base_url`.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from offhook.engines.factory import FromEnvironment
from offhook.vendors.target import Target

VENDOR = "OpenAI"
KEY_VARIABLE = "OPENAI_API_KEY"


class OpenAiOptions(BaseModel):
    """Options of recogniser and voice. `organization` and `project` are billed if they are set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: Annotated[SecretStr, FromEnvironment(KEY_VARIABLE)]
    base_url: str = "https://api.openai.com/v1"
    organization: Annotated[str | None, FromEnvironment("OPENAI_ORG_ID")] = None
    project: Annotated[str | None, FromEnvironment("OPENAI_PROJECT_ID")] = None


def target(
    kind: Literal["asr", "tts"], name: str, options: OpenAiOptions, url: str, hello: tuple[str, ...] = ()
) -> Target:
    """An address with the key."""
    headers = [("Authorization", f"Bearer {options.api_key.get_secret_value()}")]
    if options.organization is not None:
        headers.append(("OpenAI-Organization", options.organization))
    if options.project is not None:
        headers.append(("OpenAI-Project", options.project))
    return Target(kind, name, VENDOR, url, tuple(headers), f"Type: export {KEY_VARIABLE}=…", hello)

"""A script in YAML.

first_token_s: 0.15
tokens_per_s: 40
replies:
  - when: "(?i)order (\\d+)"
    call: {name: order_status, arguments: {number: "{1}"}}
  - after: order_status
    text: "It is {result}."
  - text: Good morning.
"""

from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from offhook.testing.models.script import Fault, Reply, ScriptedCall
from offhook.testing.models.server import ModelServer
from offhook.usererror import Problem, UserError

_Seconds = Annotated[float, Field(ge=0)]


class _Call(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = ""
    calls: Annotated[list[_Call], Field(alias="call"), BeforeValidator(_listed)] = []
    when: str = ""
    after: str = ""
    first_token_s: _Seconds | None = None
    tokens_per_s: _Seconds | None = None
    fault: Fault | None = None
    retry_after_s: _Seconds = 1.0


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    replies: list[_Reply]
    models: list[str] = ["scripted"]
    strict_models: bool = False
    api_key: str | None = None
    first_token_s: _Seconds = 0.0
    tokens_per_s: _Seconds = 0.0


def server_of(path: Path) -> ModelServer:
    """The server that a file describes; without `api_key` it takes any. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be read", str(error.strerror), "the path of a script") from None
    return server_from(text, str(path))


def server_from(text: str, path: str) -> ModelServer:
    """The same of a text; `path` is for errors."""
    try:
        found = _File.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML", str(error), "") from None
    except ValidationError as error:
        raise UserError.of(
            Problem(f"`{'.'.join(map(str, each['loc']))}` cannot be that", each["msg"], "", path)
            for each in error.errors(include_url=False)
        ) from None
    replies = [
        Reply(
            each.text,
            tuple(ScriptedCall(call.name, call.arguments) for call in each.calls),
            each.when,
            each.after,
            each.first_token_s,
            each.tokens_per_s,
            each.fault,
            each.retry_after_s,
        )
        for each in found.replies
    ]
    return ModelServer(
        replies,
        api_key=found.api_key,
        models=tuple(found.models),
        strict_models=found.strict_models,
        first_token_s=found.first_token_s,
        tokens_per_s=found.tokens_per_s,
    )

"""Tools that are requests to an HTTP server, as an agent's file declares them: the model gives values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offhook.agents.tools import ToolError
from offhook.http_request import HttpRequest, HttpRequestError, as_text


@dataclass(frozen=True, slots=True)
class HttpTool:
    """`result` is a path into the JSON of the answer (`data.items.0.state`), "" the whole answer."""

    request: HttpRequest
    result: str = ""

    async def run(self, values: Mapping[str, Any]) -> str:
        """The answer. Raises ToolError."""
        try:
            text = await self.request.send(values)
        except HttpRequestError as error:
            raise ToolError(str(error)) from error
        if not self.result:
            return text
        try:
            return as_text(_at(json.loads(text), self.result))
        except (ValueError, LookupError, TypeError, RecursionError):
            raise ToolError(f"the answer has no `{self.result}`") from None


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value

"""Tools of a speech-to-speech agent: the user's, and those that end or transfer the call."""

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

from offhook.api.call import Call
from offhook.llm.model import ToolSpec
from offhook.usererror import UserError

MAX_ARGUMENTS_CHARS = 20_000
MAX_OUTPUT_CHARS = 20_000


class Tool(Protocol):
    """Something that the model may call. `run` gets the arguments as the model wrote them, and returns what it is
    told."""

    spec: ToolSpec

    async def run(self, arguments: str) -> str:
        """Any exception but CancelledError is a failure that the model is told of, without its words."""
        ...


HANG_UP = ToolSpec(
    "hang_up",
    "End the call. Say goodbye first. Only when the caller is done.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)


def transfer_spec(names: Sequence[str]) -> ToolSpec:
    """The tool for transfers to `names`; numbers are not the model's to choose."""
    to = {"type": "string", "enum": list(names), "description": "Who the caller is connected to."}
    parameters = {"type": "object", "properties": {"to": to}, "required": ["to"], "additionalProperties": False}
    return ToolSpec("transfer", "Connect the caller to somebody else. Say so first.", parameters)


class CallTools:
    """All tools of one call. `ends` says why the call is to end once everything has been said."""

    def __init__(self, call: Call, tools: Sequence[Tool], transfers: Mapping[str, str]) -> None:
        self.ends = ""
        self.transfer_to = ""
        self._call = call
        self._tools = {tool.spec.name: tool for tool in tools}
        self._transfers = transfers
        transfer = (transfer_spec(tuple(transfers)),) if transfers else ()
        self.specs = (*(tool.spec for tool in tools), HANG_UP, *transfer)

    async def run(self, name: str, arguments: str) -> str:
        """Run a tool, and return what the model is told."""
        if self.ends:
            return "The call is ending."
        if len(arguments) > MAX_ARGUMENTS_CHARS:
            return f"The arguments are longer than {MAX_ARGUMENTS_CHARS} characters."
        if name in self._tools:
            return (await self._tools[name].run(arguments))[:MAX_OUTPUT_CHARS]
        if name == HANG_UP.name:
            self.ends = "bot hung up"
            return "The call ends when everything has been said."
        if name == "transfer" and self._transfers:
            return self._transfer(arguments)
        return f"There is no tool {name!r}."

    def _transfer(self, arguments: str) -> str:
        try:
            to = json.loads(arguments)["to"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return "The arguments must be a JSON object with a string `to`."
        if not isinstance(to, str) or to not in self._transfers:
            return f"`to` must be one of {', '.join(self._transfers)}."
        self.ends, self.transfer_to = f"transferred to {to}", self._transfers[to]
        return "The caller is connected when everything has been said."

    async def end(self) -> str | None:
        """Everything has been said: transfer the call if that was asked for. None: it is over; else why it is not."""
        if not self.transfer_to:
            return None
        try:
            await self._call.transfer(self.transfer_to)
        except UserError as error:
            self.ends = self.transfer_to = ""
            return f"The transfer failed: {error}"
        return None

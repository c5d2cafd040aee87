"""Functions as tools of an agent: the schema comes from the signature, the description from the docstring."""

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar, get_type_hints, overload

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import PydanticSerializationError, to_json

from offhook.agents.tool_threads import AllBusyError, ToolThreads
from offhook.api.call import Call
from offhook.llm.model import ToolSpec

OnInterrupt = Literal["keep", "cancel"]
"""What becomes of a tool that runs when the caller says something else."""

log = structlog.get_logger("offhook.agents")

MAX_ARGUMENTS_CHARS = 8_000
MAX_RESULT_CHARS = 4_000
MAX_REASON_CHARS = 400

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control bytes and halves of surrogates: one of them in the conversation would fail every later request."""

_SCHEMAS_BY_NAME = ("properties", "$defs")
_SCHEMAS = ("items", "prefixItems", "anyOf", "oneOf", "allOf", "additionalProperties")

_Arguments = TypeVar("_Arguments", bound=BaseModel)


class ToolError(Exception):
    """A call of a tool failed or was refused; the model is given the text."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool. `run` is given the validated arguments, by name, and the call.

    `timeout_s` None: the agent's limit. `on_interrupt`: whether it runs on when the caller interrupts.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[dict[str, Any], Call], Awaitable[object]]
    timeout_s: float | None = None
    on_interrupt: OnInterrupt = "keep"

    @property
    def spec(self) -> ToolSpec:
        """As the model sees it."""
        return ToolSpec(self.name, self.description, schema_of(self.arguments))

    async def answer(self, arguments: str, call: Call) -> str:
        """The result of a call with arguments as the model wrote them. Raises ToolError."""
        given = read_arguments(self.arguments, arguments)
        values = {name: getattr(given, name) for name in type(given).model_fields}
        try:
            return as_text(await self.run(values, call))
        except ToolError as error:
            self._tell(call, str(error))
            raise
        except Exception as error:  # the function is the user's: whatever its code raises
            log.warning("a tool failed", call=call.id, tool=self.name, exc_info=error)
            raise ToolError(f"{type(error).__name__}: {error}"[:MAX_REASON_CHARS]) from error

    async def answer_within(self, timeout_s: float, arguments: str, call: Call) -> str:
        """The same, if it comes in time. Raises ToolError."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self.answer(arguments, call)
        except TimeoutError:
            why = f"no result within {timeout_s:g} s"
            self._tell(call, why)
            raise ToolError(why) from None

    def _tell(self, call: Call, why: str) -> None:
        # What follows a colon is the server's text, which may have what the caller said.
        log.warning("a tool failed", call=call.id, tool=self.name, why=why.partition(": ")[0])


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...


@overload
def tool(
    *, name: str | None = None, timeout_s: float | None = None, on_interrupt: OnInterrupt = "keep"
) -> Callable[[Callable[..., Any]], Tool]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    timeout_s: float | None = None,
    on_interrupt: OnInterrupt = "keep",
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Decorate a function with typed arguments that the model may call.

    The docstring tells the model what it does, `Annotated[str, Field(description=…)]` what an argument is. An argument
    of type `Call` gets the call, and is not shown to the model. A function that is not `async` runs in a thread,
    32 times at once at most, and 4 times for one call. What it returns, text or what JSON can hold, goes back to the
    model; so does the error if it raises. TypeError for a signature that has no schema.
    """

    def decorate(inner: Callable[..., Any]) -> Tool:
        made = tool_of(inner)
        return replace(made, name=name or made.name, timeout_s=timeout_s, on_interrupt=on_interrupt)

    return decorate if function is None else decorate(function)


def tool_of(function: "Callable[..., Any] | Tool") -> Tool:
    """A function as a tool; one that is a tool already, unchanged. TypeError as `tool`."""
    if isinstance(function, Tool):
        return function
    name = getattr(function, "__name__", "")
    if not name.isidentifier():
        raise TypeError(f"{function!r} has no name that a model could call: decorate it with @tool(name=…)")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    wants_call = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise TypeError(f"tool {name}: a model gives arguments by name, and *{parameter.name} has none")
        if parameter.name not in hints:
            raise TypeError(f"tool {name}: argument {parameter.name} has no type: write `{parameter.name}: str`")
        if hints[parameter.name] is Call:
            wants_call.append(parameter.name)
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)

    threads = None if inspect.iscoroutinefunction(function) else ToolThreads(function)

    async def run(values: dict[str, Any], call: Call) -> object:
        given = {**values, **dict.fromkeys(wants_call, call)}
        if threads is None:
            return await function(**given)
        try:
            return await threads.run(given, call)
        except AllBusyError as error:
            raise ToolError(str(error)) from None

    return Tool(name, inspect.cleandoc(function.__doc__ or ""), arguments_model(name, fields), run)


def arguments_model(name: str, fields: dict[str, Any]) -> type[BaseModel]:
    """A model of arguments: (type, default) by name, and nothing else."""
    try:
        made: type[BaseModel] = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        schema_of(made)
    except Exception as error:  # pydantic raises several kinds for types it does not know
        raise TypeError(f"tool {name}: its arguments have no JSON schema ({str(error).splitlines()[0]})") from error
    return made


def schema_of(arguments: type[BaseModel]) -> dict[str, object]:
    """The JSON schema, without the titles that pydantic makes."""
    return {key: value for key, value in _untitled(arguments.model_json_schema()).items() if key != "description"}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _SCHEMAS_BY_NAME:
            found[key] = {name: _untitled(each) for name, each in value.items()}
        elif key in _SCHEMAS:
            found[key] = [_untitled(each) for each in value] if isinstance(value, list) else _within(value)
        elif key != "title":
            found[key] = value
    return found


def _within(schema: Any) -> Any:
    return _untitled(schema) if isinstance(schema, dict) else schema


def read_arguments(model: type[_Arguments], text: str) -> _Arguments:
    """The arguments that the model wrote, validated. Raises ToolError."""
    if len(text) > MAX_ARGUMENTS_CHARS:
        raise ToolError(f"the arguments have {len(text)} characters; at most {MAX_ARGUMENTS_CHARS} are read")
    try:
        return model.model_validate_json(text.strip() or "{}")
    except ValidationError as error:
        reasons = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()[:5]]
        raise ToolError(f"the arguments are wrong: {'; '.join(reasons)}"[:MAX_REASON_CHARS]) from None


def as_text(result: object) -> str:
    """A result for the model."""
    if result is None:
        return "done"
    if not isinstance(result, str):
        try:
            result = to_json(result).decode()
        except PydanticSerializationError as error:
            raise ToolError(f"the result is not JSON: {error}"[:MAX_REASON_CHARS]) from None
    result = result if len(result) <= MAX_RESULT_CHARS else result[: MAX_RESULT_CHARS - 1] + "…"
    return _ODD.sub(" ", result)

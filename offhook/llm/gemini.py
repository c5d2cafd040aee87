"""Google's Gemini API, by its client google-genai.

Written against the Gemini API reference, "Generating content", and its guide on function calling: Gemini 3 wants the
signature of the thought behind a call back, and takes a certain text for calls that it has not made itself.
"""

import base64
import binascii
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import httpx2
from google import genai
from google.genai import errors, types

from offhook.llm.history import arguments_of, split
from offhook.llm.hosted import HostedModel, Response
from offhook.llm.http import http_client, retry_after_s
from offhook.llm.model import (
    Ended,
    EndReason,
    Message,
    ModelError,
    ModelEvent,
    ModelRequest,
    TextDelta,
    ToolCall,
    Usage,
)
from offhook.llm.options import GeminiOptions

ANY_SIGNATURE = b"skip_thought_signature_validator"
"""Google's word for calls that another model made."""

_REASONS: dict[str, EndReason] = {"STOP": "stop", "MAX_TOKENS": "length"}
_BROKEN = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER")


class GeminiModel(HostedModel):
    """`LanguageModel` of Gemini."""

    vendor = "Google"
    key_variable = "GEMINI_API_KEY"
    failures = (errors.APIError,)

    def __init__(self, name: str, options: GeminiOptions) -> None:
        super().__init__(name, options)
        self._http = http_client()
        self._http.event_hooks["response"].append(_remember)
        # With a client of ours it takes no other library, and its streams close as the other vendors' do.
        http = types.HttpOptions(base_url=options.base_url, httpx_async_client=self._http)
        self._client = genai.Client(api_key=self.needs_key(), http_options=http)

    async def close(self) -> None:
        """See LanguageModel."""
        self._client.close()
        await self._http.aclose()

    @property
    def warms(self) -> bool:
        """See HostedModel."""
        return bool(self.options.warm)  # each prompt has its price, and the vendor caches those that are asked

    async def probe(self) -> None:
        """See HostedModel."""
        await self._client.aio.models.get(model=self.options.model)

    async def begin(self, request: ModelRequest) -> Response:
        """See HostedModel."""
        options = self.options
        system, messages = split(request.messages)
        tools = [
            types.FunctionDeclaration(
                name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
            )
            for tool in request.tools
        ]
        fields: dict[str, Any] = {
            "system_instruction": system or None,
            "tools": [types.Tool(function_declarations=tools)] if tools else None,
            "temperature": options.temperature if request.temperature is None else request.temperature,
            "max_output_tokens": (
                options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
            ),
            "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
        }
        config = types.GenerateContentConfig(**{**fields, **options.extra})
        responses: list[httpx2.Response] = []
        _responses.set(responses)
        chunks = await self._client.aio.models.generate_content_stream(
            model=options.model, contents=contents_of(messages), config=config
        )
        response = _Closing(chunks, responses)
        await response.begin()
        return response

    def reader(self) -> "GeminiReader":
        """See HostedModel."""
        return GeminiReader()

    def explain(self, error: Exception) -> ModelError:
        """See HostedModel."""
        if not isinstance(error, errors.APIError):
            return self.unreachable(error)
        headers = getattr(error.response, "headers", None) or {}
        return self.failed(error.code or 500, error.message or str(error), retry_after_s(headers))


_responses: ContextVar[list[httpx2.Response]] = ContextVar("responses")


async def _remember(response: httpx2.Response) -> None:
    _responses.get([]).append(response)


class _Closing:
    """The client's stream with a `close`, which it lacks: closing its iterator leaves the connection open. It sends its
    request only when the first chunk is asked for."""

    def __init__(self, chunks: AsyncIterator[Any], responses: list[httpx2.Response]) -> None:
        self._chunks = chunks
        self._responses = responses
        self._first: list[Any] = []

    async def begin(self) -> None:
        """Wait for the first chunk."""
        try:
            async for chunk in self._chunks:
                self._first.append(chunk)
                break
        except BaseException:
            await self.close()
            raise

    async def __aiter__(self) -> AsyncIterator[Any]:
        for chunk in self._first:
            yield chunk
        async for chunk in self._chunks:
            yield chunk

    async def close(self) -> None:
        """See Response."""
        for response in self._responses:
            await response.aclose()
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()


class GeminiReader:
    """`Reader` of one reply. Pure."""

    def __init__(self) -> None:
        self._calls = 0
        self._reason: str | None = None
        self._usage = Usage()

    def read(self, chunk: Any) -> list[ModelEvent]:
        """See Reader."""
        if chunk.usage_metadata is not None:
            counts = chunk.usage_metadata
            thought = getattr(counts, "thoughts_token_count", None) or 0
            self._usage = Usage(
                counts.prompt_token_count or 0,
                counts.cached_content_token_count or 0,
                (counts.candidates_token_count or 0) + thought,
            )
        if not chunk.candidates:
            if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
                self._reason = "BLOCKED"
            return []
        candidate = chunk.candidates[0]
        if candidate.finish_reason:
            self._reason = str(getattr(candidate.finish_reason, "value", candidate.finish_reason))
        parts = (candidate.content.parts if candidate.content is not None else None) or ()
        return [event for part in parts for event in self._read_part(part)]

    def end(self) -> list[ModelEvent]:
        """See Reader."""
        if self._reason is None or self._reason in _BROKEN:
            raise ValueError("the reply broke off" if self._reason is None else f"the reply ended with {self._reason}")
        reason = _REASONS.get(self._reason, "filtered")
        return [Ended("tools" if self._calls and reason == "stop" else reason, self._usage)]

    def _read_part(self, part: Any) -> list[ModelEvent]:
        if part.function_call is not None:
            self._calls += 1
            call = part.function_call
            signature = base64.b64encode(part.thought_signature).decode() if part.thought_signature else ""
            arguments = json.dumps(call.args or {}, ensure_ascii=False)
            return [ToolCall(call.id or f"call_{uuid4().hex[:12]}", call.name or "", arguments, signature)]
        return [TextDelta(part.text)] if part.text and not part.thought else []


def contents_of(messages: list[Message]) -> list[types.Content]:
    """The conversation: turns of user and model by turns."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    found: list[types.Content] = []
    for message in messages:
        role = "model" if message.role == "assistant" else "user"
        parts = _parts(message, names)
        # The results of a turn's calls are in one turn, with nothing else in it.
        is_result = message.role == "tool"
        if found and found[-1].role == role and is_result == _has_results(found[-1]):
            found[-1] = types.Content(role=role, parts=[*(found[-1].parts or ()), *parts])
        else:
            found.append(types.Content(role=role, parts=parts))
    return found


def _has_results(content: types.Content) -> bool:
    return any(part.function_response is not None for part in content.parts or ())


def _parts(message: Message, names: dict[str, str]) -> list[types.Part]:
    if message.role == "tool":
        name = names.get(message.tool_call_id, "tool")
        return [types.Part.from_function_response(name=name, response={"output": message.text})]
    parts = [types.Part(text=message.text)] if message.text.strip() else []
    for at, call in enumerate(message.tool_calls):
        function = types.FunctionCall(name=call.name, args=arguments_of(call))
        signature = _signature(call.signature)
        # Of calls beside each other only the first has one.
        given = signature or (ANY_SIGNATURE if at == 0 else None)
        parts.append(types.Part(function_call=function, thought_signature=given))
    return parts


def _signature(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except binascii.Error:
        return None

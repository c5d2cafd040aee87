"""OpenAI's Chat Completions: OpenAI's own models, and those of vLLM, llama.cpp, Ollama and every other server with it.

Written against OpenAI's API reference, "Chat Completions". Servers differ: some send whole tool calls in one piece,
several under one index, without an id, or say `stop` behind them; thoughts come in the text between <think> and
</think>.
"""

import json
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import uuid4

import openai

from offhook.llm.history import arguments_of, ordered
from offhook.llm.hosted import HostedModel, Response, grown
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
    ToolSpec,
    Usage,
)
from offhook.llm.options import OpenAiOptions
from offhook.llm.thoughts import WithoutThoughts

OWN_HOST = "api.openai.com"
NO_KEY = "none"
"""What servers get that want no key: the client insists on one."""

_REASONS: dict[str, EndReason] = {"length": "length", "content_filter": "filtered"}


class OpenAiModel(HostedModel):
    """`LanguageModel` of Chat Completions."""

    vendor = "OpenAI"
    key_variable = "OPENAI_API_KEY"
    failures = (openai.OpenAIError,)

    def __init__(self, name: str, options: OpenAiOptions) -> None:
        super().__init__(name, options)
        host = urlsplit(options.base_url or "").hostname or OWN_HOST
        self._is_openai = host == OWN_HOST
        if not self._is_openai:
            self.vendor = urlsplit(options.base_url or "").netloc.rpartition("@")[2]
        key = self.needs_key() if self._is_openai else self._key or NO_KEY
        self._http = http_client()
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=options.base_url or f"https://{OWN_HOST}/v1",
            max_retries=0,
            http_client=self._http,
        )

    async def close(self) -> None:
        """See LanguageModel."""
        await self._client.close()

    @property
    def warms(self) -> bool:
        """See HostedModel."""
        return not self._is_openai if self.options.warm is None else self.options.warm

    async def probe(self) -> None:
        """See HostedModel."""
        try:
            found = await self._client.models.with_raw_response.list()
        except openai.NotFoundError:
            return  # some servers have no list
        self.listed = _listed(found.content)
        # Other servers have models that they do not list, or one by any name.
        if self._is_openai and self.wanted not in self.listed:
            raise ModelError(self.name, "model", f"{self.vendor} has no model {self.wanted!r}")

    async def begin(self, request: ModelRequest) -> Response:
        """See HostedModel."""
        options = self.options
        limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
        temperature = options.temperature if request.temperature is None else request.temperature
        fields: dict[str, Any] = {
            "model": options.model,
            "messages": [_message(each) for each in ordered(request.messages)],
            # Servers of one's own know the older name of the limit.
            "max_completion_tokens" if self._is_openai else "max_tokens": limit,
        }
        if request.tools:
            fields["tools"] = [_tool(each) for each in request.tools]
        if temperature is not None:
            fields["temperature"] = temperature
        # Not by `chat.completions.create`: making objects of all messages and chunks takes four fifths of the CPU.
        response = await self._client.post(
            "/chat/completions",
            cast_to=object,
            body={**fields, "stream": True, "stream_options": {"include_usage": True}, **options.extra},
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )
        if "json" in response.response.headers.get("content-type", ""):
            await response.close()
            raise ModelError(self.name, "request", f"{self.vendor} answers in one piece: it does not stream")
        return cast(Response, response)

    def reader(self) -> "OpenAiReader":
        """See HostedModel."""
        return OpenAiReader()

    def explain(self, error: Exception) -> ModelError:
        """See HostedModel."""
        if isinstance(error, openai.APIStatusError):
            body = error.body if isinstance(error.body, dict) else {}
            words = " ".join(str(part) for part in (body.get("code"), body.get("message")) if part)
            return self.failed(error.status_code, words or error.message, retry_after_s(error.response.headers))
        if isinstance(error, openai.APIConnectionError):
            return self.unreachable(error)
        return ModelError(self.name, "away", f"{self.vendor} failed ({self._plain(str(error))})")


class OpenAiReader:
    """`Reader` of one reply. Pure."""

    def __init__(self) -> None:
        self._thoughts = WithoutThoughts()
        self._call: ToolCall | None = None
        self._index = -1
        self._calls = 0
        self._reason: str | None = None
        self._usage = Usage()

    def read(self, chunk: Any) -> list[ModelEvent]:
        """See Reader."""
        if usage := chunk.get("usage"):
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
            self._usage = Usage(usage.get("prompt_tokens") or 0, cached, usage.get("completion_tokens") or 0)
        if not chunk.get("choices"):
            return []
        choice, found = chunk["choices"][0], list[ModelEvent]()
        delta = choice.get("delta") or {}
        text = self._thoughts.add((delta.get("content") or "") + (delta.get("refusal") or ""))
        found += [TextDelta(text)] if text else []
        for piece in delta.get("tool_calls") or ():
            found += self._add(piece)
        if choice.get("finish_reason"):
            self._reason = choice["finish_reason"]
            found += self._take()
        return found

    def end(self) -> list[ModelEvent]:
        """See Reader."""
        if self._reason is None:
            raise ValueError("the reply broke off")
        text = self._thoughts.rest()
        reason = _REASONS.get(self._reason, "tools" if self._calls else "stop")
        return [*([TextDelta(text)] if text else []), *self._take(), Ended(reason, self._usage)]

    def _add(self, piece: Any) -> list[ModelEvent]:
        found: list[ModelEvent] = []
        begun, index, own_id = self._call, piece.get("index", 0), piece.get("id")
        if begun is None or index != self._index or (own_id and own_id != begun.id):
            found = self._take()
            self._index = index
            begun = ToolCall(own_id or f"call_{uuid4().hex[:12]}", "", "")
        function = piece.get("function") or {}
        name = begun.name + (function.get("name") or "")
        self._call = ToolCall(begun.id, name, grown(begun.arguments, function.get("arguments") or ""))
        return found

    def _take(self) -> list[ModelEvent]:
        call, self._call = self._call, None
        self._calls += call is not None
        return [] if call is None else [call]


def _listed(body: bytes) -> set[str]:
    """The ids in a list of models; another server's may be anything."""
    try:
        return {str(each["id"]) for each in json.loads(body)["data"]}
    except (ValueError, LookupError, TypeError, RecursionError):
        return set()


def _message(message: Message) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.role == "tool":
        found["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        found["content"] = message.text or None
        found["tool_calls"] = [_call(each) for each in message.tool_calls]
    return found


def _call(call: ToolCall) -> dict[str, Any]:
    # As the model wrote it, so that the server's cache holds; what is no object would stop some servers' templates.
    is_valid = "malformed" not in arguments_of(call)
    arguments = (call.arguments or "{}") if is_valid else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}

"""Anthropic's Messages.

Written against Anthropic's API reference, "Messages" and "Prompt caching". Two places of the prompt are marked for the
cache: the system's text, with the tools before it, and the conversation up to the message before the last one.
"""

from typing import Any

import anthropic

from offhook.llm.history import arguments_of, split
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
    Usage,
)
from offhook.llm.options import AnthropicOptions

CACHED = {"type": "ephemeral"}
OVERLOADED = 529

_REASONS: dict[str, EndReason] = {
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "filtered",
}


class AnthropicModel(HostedModel):
    """`LanguageModel` of Anthropic."""

    vendor = "Anthropic"
    key_variable = "ANTHROPIC_API_KEY"
    failures = (anthropic.AnthropicError,)

    def __init__(self, name: str, options: AnthropicOptions) -> None:
        super().__init__(name, options)
        self._client = anthropic.AsyncAnthropic(
            api_key=self.needs_key(), base_url=options.base_url, max_retries=0, http_client=http_client()
        )

    async def close(self) -> None:
        """See LanguageModel."""
        await self._client.close()

    @property
    def warms(self) -> bool:
        """See HostedModel."""
        return bool(self.options.warm)  # each prompt has its price, and the vendor caches those that are asked

    async def probe(self) -> None:
        """See HostedModel."""
        await self._client.models.retrieve(self.options.model)

    async def begin(self, request: ModelRequest) -> Response:
        """See HostedModel."""
        options = self.options
        temperature = options.temperature if request.temperature is None else request.temperature
        system, messages = split(request.messages)
        limit = options.max_output_tokens if request.max_output_tokens is None else request.max_output_tokens
        fields: dict[str, Any] = {"model": options.model, "max_tokens": limit, "messages": _turns(messages)}
        if system:
            fields["system"] = [{"type": "text", "text": system, "cache_control": CACHED}]
        if request.tools:
            fields["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in request.tools
            ]
        if temperature is not None:
            fields["temperature"] = temperature
        response: Response = await self._client.messages.create(
            **fields, stream=True, extra_body=dict(options.extra) or None
        )
        return response

    def reader(self) -> "AnthropicReader":
        """See HostedModel."""
        return AnthropicReader()

    def explain(self, error: Exception) -> ModelError:
        """See HostedModel."""
        if isinstance(error, anthropic.APIStatusError):
            body = error.body if isinstance(error.body, dict) else {}
            found = body.get("error")
            found = found if isinstance(found, dict) else {}
            # An error in the middle of a stream has the status of its head, 200.
            status = error.status_code
            if status < 400:
                status = OVERLOADED if found.get("type") == "overloaded_error" else 500
            words = str(found.get("message") or error.message)
            return self.failed(status, words, retry_after_s(error.response.headers))
        if isinstance(error, anthropic.APIConnectionError):
            return self.unreachable(error)
        return ModelError(self.name, "away", f"{self.vendor} failed ({self._plain(str(error))})")


class AnthropicReader:
    """`Reader` of one reply. Pure."""

    def __init__(self) -> None:
        self._call: ToolCall | None = None
        self._reason: str | None = None
        self._input = self._cached = self._output = 0

    def read(self, chunk: Any) -> list[ModelEvent]:
        """See Reader."""
        if chunk.type == "message_start":
            usage = chunk.message.usage
            self._cached = usage.cache_read_input_tokens or 0
            self._input = usage.input_tokens + self._cached + (usage.cache_creation_input_tokens or 0)
        elif chunk.type == "content_block_start" and chunk.content_block.type == "tool_use":
            self._call = ToolCall(chunk.content_block.id, chunk.content_block.name, "")
        elif chunk.type == "content_block_delta":
            return self._delta(chunk.delta)
        elif chunk.type == "content_block_stop" and self._call is not None:
            call, self._call = self._call, None
            return [ToolCall(call.id, call.name, call.arguments or "{}")]
        elif chunk.type == "message_delta":
            self._reason = chunk.delta.stop_reason or self._reason
            self._output = chunk.usage.output_tokens or self._output
        return []

    def end(self) -> list[ModelEvent]:
        """See Reader."""
        if self._reason is None:
            raise ValueError("the reply broke off")
        return [Ended(_REASONS.get(self._reason, "stop"), Usage(self._input, self._cached, self._output))]

    def _delta(self, delta: Any) -> list[ModelEvent]:
        if delta.type == "text_delta" and delta.text:
            return [TextDelta(delta.text)]
        if delta.type == "input_json_delta" and self._call is not None:
            call = self._call
            self._call = ToolCall(call.id, call.name, grown(call.arguments, delta.partial_json))
        return []


def _turns(messages: list[Message]) -> list[dict[str, Any]]:
    """Turns of user and assistant by turns, the one before the last marked for the cache."""
    found: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message.role == "assistant" else "user"
        if not found or found[-1]["role"] != role:
            found.append({"role": role, "content": []})
        found[-1]["content"] += _blocks(message)
    if len(found) > 1:
        last = found[-2]["content"][-1]
        found[-2]["content"][-1] = {**last, "cache_control": CACHED}
    return found


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message.role == "tool":
        content = message.text or "(nothing)"
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text.strip() else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": arguments_of(call)}
        for call in message.tool_calls
    ]
    return blocks

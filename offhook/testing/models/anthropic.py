"""Anthropic's Messages on the server's side. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from offhook.testing.models.script import Asked, ScriptedCall
from offhook.testing.models.wire import Body, Counts, Question, RefusedError, Whole, need

REASONS = {"stop": "end_turn", "tools": "tool_use", "length": "max_tokens", "filtered": "refusal"}
MAX_BREAKPOINTS = 4
PIECE_CHARS = 8

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicWire:
    """`Wire` of Anthropic."""

    def key(self, headers: Mapping[str, str]) -> str:
        if "anthropic-version" not in headers:
            raise RefusedError("anthropic-version: header is required")
        # Newer clients send the key as a bearer token.
        return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")

    def wrong_key(self) -> RefusedError:
        return RefusedError("invalid x-api-key", 401)

    def read(self, path: str, body: Body) -> Question:
        need(body, "model", str, "model: Field required")
        limit = need(body, "max_tokens", int, "max_tokens: Field required")
        messages = need(body, "messages", list, "messages: Field required")
        if not messages:
            raise RefusedError("messages: at least one message is required")
        _check_order(messages)
        tools = body.get("tools") or []
        for at, tool in enumerate(tools):
            need(tool, "name", str, f"tools.{at}.custom.name: Field required")
            need(tool, "input_schema", dict, f"tools.{at}.custom.input_schema: Field required")
        system = body.get("system") or []
        parts = [*tools, *([system] if isinstance(system, str) else system), *_blocks(messages)]
        marked = [at for at, part in enumerate(parts, 1) if isinstance(part, dict) and "cache_control" in part]
        if len(marked) > MAX_BREAKPOINTS:
            raise RefusedError(f"A maximum of {MAX_BREAKPOINTS} blocks with cache_control may be provided.")
        prompt = tuple(json.dumps(_unmarked(part)) for part in parts)
        names = tuple(tool["name"] for tool in tools)
        return Question(_asked(messages, names), prompt, max(marked, default=0), limit, bool(body.get("stream")))

    def stream(self, question: Question, counts: Counts, model: str) -> "AnthropicStream":
        return AnthropicStream(counts, model)

    def whole(self, reply: Whole, model: str) -> Body:
        content: list[Body] = [{"type": "text", "text": reply.text}] if reply.text else []
        content += [
            {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": json.loads(call.json)}
            for at, call in enumerate(reply.calls, 1)
        ]
        head = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": content}
        return {**head, "stop_reason": REASONS[reply.reason], "stop_sequence": None, "usage": _usage(reply.counts)}

    def error(self, status: int, why: str) -> Body:
        return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": why}}

    def error_event(self, why: str) -> bytes:
        return _event("error", self.error(529, why))


class AnthropicStream:
    """One reply as Anthropic's events: content blocks with an index each."""

    def __init__(self, counts: Counts, model: str) -> None:
        self._counts = counts
        self._model = model
        self._block = -1
        self._in_text = False
        self._calls = 0

    def begin(self) -> Iterator[bytes]:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": self._model, "content": []}
        counts = _usage(self._counts) | {"output_tokens": 1}
        stop = {"stop_reason": None, "stop_sequence": None}
        yield _event("message_start", {"message": {**message, **stop, "usage": counts}})
        yield _event("ping", {})

    def text(self, token: str) -> Iterator[bytes]:
        if not self._in_text:
            self._block, self._in_text = self._block + 1, True
            yield self._start({"type": "text", "text": ""})
        yield self._delta({"type": "text_delta", "text": token})

    def call(self, call: ScriptedCall) -> Iterator[bytes]:
        yield from self._stop()
        self._calls += 1
        self._block += 1
        yield self._start({"type": "tool_use", "id": f"toolu_{self._calls}", "name": call.name, "input": {}})
        yield self._delta({"type": "input_json_delta", "partial_json": ""})
        for start in range(0, len(call.json), PIECE_CHARS):
            piece = call.json[start : start + PIECE_CHARS]
            yield self._delta({"type": "input_json_delta", "partial_json": piece})
        yield _event("content_block_stop", {"index": self._block})

    def end(self, reason: str) -> Iterator[bytes]:
        yield from self._stop()
        delta = {"stop_reason": REASONS[reason], "stop_sequence": None}
        yield _event("message_delta", {"delta": delta, "usage": {"output_tokens": self._counts.output}})
        yield _event("message_stop", {})

    def _stop(self) -> Iterator[bytes]:
        if self._in_text:
            self._in_text = False
            yield _event("content_block_stop", {"index": self._block})

    def _start(self, block: Body) -> bytes:
        return _event("content_block_start", {"index": self._block, "content_block": block})

    def _delta(self, delta: Body) -> bytes:
        return _event("content_block_delta", {"index": self._block, "delta": delta})


def _content(message: Body) -> list[Body]:
    content = message.get("content")
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _blocks(messages: list[Any]) -> Iterator[Body]:
    for message in messages:
        for block in _content(message):
            yield {"role": message["role"], **block}


def _check_order(messages: list[Any]) -> None:
    """The user begins, and the results of tools come in the message behind their calls, first in it."""
    calls: set[str] = set()
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant"):
            raise RefusedError(f"messages.{at}.role: Input should be 'user' or 'assistant'")
        if at == 0 and role != "user":
            raise RefusedError('messages: first message must use the "user" role')
        blocks = _content(message)
        if not blocks and not (role == "assistant" and at == len(messages) - 1):
            raise RefusedError(f"messages.{at}: all messages must have non-empty content")
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            raise RefusedError("messages: text content blocks must contain non-whitespace text")
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if results - calls:
            raise RefusedError(
                f"messages.{at}.content.0: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{', '.join(results - calls)}. Each `tool_result` block must have a corresponding `tool_use` block in "
                "the previous message."
            )
        if calls - results:
            raise _unanswered(at - 1, calls - results)
        calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
    if calls:
        raise _unanswered(len(messages) - 1, calls)


def _unanswered(at: int, ids: set[str]) -> RefusedError:
    return RefusedError(
        f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(sorted(ids))}. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        "message."
    )


def _asked(messages: list[Any], tools: tuple[str, ...]) -> Asked:
    names = {block["id"]: block["name"] for block in _blocks(messages) if block["type"] == "tool_use"}
    texts = [block["text"] for block in _blocks(messages) if block["role"] == "user" and block["type"] == "text"]
    said, last = texts[-1] if texts else "", _content(messages[-1])[-1]
    if last["type"] != "tool_result":
        return Asked(said, tools=tools)
    content = last.get("content") or ""
    result = content if isinstance(content, str) else "".join(part.get("text", "") for part in content)
    return Asked(said, names[last["tool_use_id"]], result, tools)


def _unmarked(part: Any) -> Any:
    return {k: v for k, v in part.items() if k != "cache_control"} if isinstance(part, dict) else part


def _usage(counts: Counts) -> Body:
    # Anthropic counts what came from the cache apart from the input.
    return {
        "input_tokens": counts.input - counts.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": counts.cached,
        "output_tokens": counts.output,
    }


def _event(name: str, fields: Body) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n".encode()

"""OpenAI's Chat Completions on the server's side, as OpenAI, vLLM, llama.cpp and Ollama speak it. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from offhook.testing.models.script import Asked, ScriptedCall
from offhook.testing.models.wire import Body, Counts, Question, RefusedError, Whole, need

ROLES = ("system", "developer", "user", "assistant", "tool")
REASONS = {"stop": "stop", "tools": "tool_calls", "length": "length", "filtered": "content_filter"}
PIECE_CHARS = 8
"""Of a tool call's arguments in one event."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class OpenAiWire:
    """`Wire` of OpenAI."""

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def wrong_key(self) -> RefusedError:
        return RefusedError("Incorrect API key provided.", 401)

    def read(self, path: str, body: Body) -> Question:
        need(body, "model", str, "you must provide a model parameter")
        messages = need(body, "messages", list, "Missing required parameter: 'messages'.")
        if not messages:
            raise RefusedError("Invalid 'messages': empty array. Expected an array with minimum length 1.")
        _check_order(messages)
        tools = tuple(_tool_name(each) for each in body.get("tools") or ())
        if body.get("tools") == []:
            raise RefusedError("Invalid 'tools': empty array. Expected an array with minimum length 1.")
        limit = body.get("max_completion_tokens", body.get("max_tokens"))
        options = body.get("stream_options") or {}
        if options and not body.get("stream"):
            raise RefusedError("The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        prompt = (json.dumps(body.get("tools") or []), *(json.dumps(each) for each in messages))
        return Question(
            _asked(messages, tools),
            prompt,
            len(prompt),
            limit,
            bool(body.get("stream")),
            bool(options.get("include_usage")),
        )

    def stream(self, question: Question, counts: Counts, model: str) -> "OpenAiStream":
        return OpenAiStream(question, counts, model)

    def whole(self, reply: Whole, model: str) -> Body:
        message: Body = {"role": "assistant", "content": reply.text or None}
        if reply.calls:
            message["tool_calls"] = [_call(at, each) for at, each in enumerate(reply.calls)]
        choice = {"index": 0, "message": message, "finish_reason": REASONS[reply.reason]}
        return {**_head(model, "chat.completion"), "choices": [choice], "usage": _usage(reply.counts)}

    def error(self, status: int, why: str) -> Body:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
        return {"error": {"message": why, "type": kind, "param": None, "code": code}}

    def error_event(self, why: str) -> bytes:
        return _event({"error": {"message": why, "type": "server_error", "param": None, "code": None}})


class OpenAiStream:
    """One reply as `chat.completion.chunk` events."""

    def __init__(self, question: Question, counts: Counts, model: str) -> None:
        self._question = question
        self._counts = counts
        self._model = model
        self._calls = 0

    def begin(self) -> Iterator[bytes]:
        yield self._chunk({"role": "assistant", "content": ""})

    def text(self, token: str) -> Iterator[bytes]:
        yield self._chunk({"content": token})

    def call(self, call: ScriptedCall) -> Iterator[bytes]:
        at, self._calls = self._calls, self._calls + 1
        whole = _call(at, call)
        yield self._chunk({"tool_calls": [{"index": at, **whole, "function": {"name": call.name, "arguments": ""}}]})
        for start in range(0, len(call.json), PIECE_CHARS):
            piece = {"index": at, "function": {"arguments": call.json[start : start + PIECE_CHARS]}}
            yield self._chunk({"tool_calls": [piece]})

    def end(self, reason: str) -> Iterator[bytes]:
        yield self._chunk({}, REASONS[reason])
        if self._question.with_usage:
            head = _head(self._model, "chat.completion.chunk")
            yield _event({**head, "choices": [], "usage": _usage(self._counts)})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: Body, reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return _event({**_head(self._model, "chat.completion.chunk"), "choices": [choice]})


def _check_order(messages: list[Any]) -> None:
    """Each tool call is answered, right behind it."""
    open_calls: set[str] = set()
    for at, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ROLES:
            raise RefusedError(f"Invalid value: {role!r}. Supported values are: {', '.join(ROLES)}.")
        _check_content(at, message)
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                why = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                raise RefusedError(f"Invalid parameter: {why}")
            open_calls.discard(message["tool_call_id"])
            continue
        if open_calls:
            raise _unanswered(open_calls)
        open_calls = {call["id"] for call in message.get("tool_calls") or ()}
    if open_calls:
        raise _unanswered(open_calls)


def _check_content(at: int, message: Body) -> None:
    calls = message.get("tool_calls")
    if calls == []:
        raise RefusedError(f"Invalid 'messages[{at}].tool_calls': empty array.")
    if not calls and not isinstance(message.get("content"), str | list):
        raise RefusedError(f"Invalid type for 'messages[{at}].content': expected a string or an array.")


def _unanswered(ids: set[str]) -> RefusedError:
    why = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    missing = ", ".join(sorted(ids))
    return RefusedError(f"{why} The following tool_call_ids did not have response messages: {missing}")


def _tool_name(tool: Any) -> str:
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise RefusedError(f"Invalid 'tools[].function.name': {name!r} does not match ^[a-zA-Z0-9_-]+$.")
    return name


def _asked(messages: list[Any], tools: tuple[str, ...]) -> Asked:
    said = next((_text(each.get("content")) for each in reversed(messages) if each["role"] == "user"), "")
    last = messages[-1]
    if last["role"] != "tool":
        return Asked(said, tools=tools)
    calls = {call["id"]: call["function"]["name"] for each in messages for call in each.get("tool_calls") or ()}
    return Asked(said, calls[last["tool_call_id"]], _text(last.get("content")), tools)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def _call(at: int, call: ScriptedCall) -> Body:
    return {"id": f"call_{at + 1}", "type": "function", "function": {"name": call.name, "arguments": call.json}}


def _head(model: str, kind: str) -> Body:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_700_000_000, "model": model}


def _usage(counts: Counts) -> Body:
    return {
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input + counts.output,
        "prompt_tokens_details": {"cached_tokens": counts.cached},
    }


def _event(fields: Body) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()

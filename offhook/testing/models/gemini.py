"""Gemini's generateContent and streamGenerateContent on the server's side. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from offhook.testing.models.script import Asked, ScriptedCall
from offhook.testing.models.wire import Body, Counts, Question, RefusedError, Whole, need

REASONS = {"stop": "STOP", "tools": "STOP", "length": "MAX_TOKENS", "filtered": "SAFETY"}
SIGNATURE = "c2lnbmVkIHRob3VnaHQ="
"""Of the thought behind a call; Gemini 3 wants it back with the call."""

UNANSWERED = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the "
    "function call turn."
)

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class GeminiWire:
    """`Wire` of Gemini."""

    def key(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-goog-api-key", "")

    def wrong_key(self) -> RefusedError:
        return RefusedError("API key not valid. Please pass a valid API key.")

    def read(self, path: str, body: Body) -> Question:
        contents = need(body, "contents", list, "* GenerateContentRequest.contents: contents is not specified")
        if not contents:
            raise RefusedError("* GenerateContentRequest.contents: contents is not specified")
        _check_order(contents)
        declared = [each for tool in body.get("tools") or () for each in tool.get("functionDeclarations") or ()]
        names = tuple(need(each, "name", str, "function_declarations.name: cannot be empty") for each in declared)
        system = body.get("systemInstruction") or {}
        prompt = (json.dumps(system), json.dumps(declared), *(json.dumps(each) for each in contents))
        limit = (body.get("generationConfig") or {}).get("maxOutputTokens")
        return Question(_asked(contents, names), prompt, len(prompt), limit, ":streamGenerateContent" in path)

    def stream(self, question: Question, counts: Counts, model: str) -> "GeminiStream":
        return GeminiStream(counts, model)

    def whole(self, reply: Whole, model: str) -> Body:
        parts: list[Body] = [{"text": reply.text}] if reply.text else []
        parts += [_call(call, is_first=at == 0) for at, call in enumerate(reply.calls)]
        return _chunk(parts, reply.counts, model, REASONS[reply.reason])

    def error(self, status: int, why: str) -> Body:
        return {"error": {"code": status, "message": why, "status": _STATUS.get(status, "UNKNOWN")}}

    def error_event(self, why: str) -> bytes:
        return _event(self.error(503, why))


class GeminiStream:
    """One reply as a stream of GenerateContentResponse."""

    def __init__(self, counts: Counts, model: str) -> None:
        self._counts = counts
        self._model = model
        self._calls = 0

    def begin(self) -> Iterator[bytes]:
        return iter(())

    def text(self, token: str) -> Iterator[bytes]:
        yield _event(_chunk([{"text": token}], self._counts, self._model))

    def call(self, call: ScriptedCall) -> Iterator[bytes]:
        yield _event(_chunk([_call(call, is_first=self._calls == 0)], self._counts, self._model))
        self._calls += 1

    def end(self, reason: str) -> Iterator[bytes]:
        yield _event(_chunk([{"text": ""}], self._counts, self._model, REASONS[reason]))


def _call(call: ScriptedCall, *, is_first: bool) -> Body:
    # Gemini sends arguments as JSON values, so they cannot be malformed there.
    try:
        arguments = json.loads(call.json)
    except ValueError:
        arguments = {"malformed": call.json}
    part: Body = {"functionCall": {"name": call.name, "args": arguments}}
    # Of calls beside each other the first has the signature.
    return {**part, "thoughtSignature": SIGNATURE} if is_first else part


def _parts(content: Any, name: str) -> list[Any]:
    return [part[name] for part in content.get("parts") or () if isinstance(part, dict) and name in part]


def _check_order(contents: list[Any]) -> None:
    """Each turn with calls is followed by one with as many responses, and the calls have their signature."""
    calls = 0
    for at, content in enumerate(contents):
        role = content.get("role") if isinstance(content, dict) else None
        if role not in ("user", "model", None):
            raise RefusedError("Please use a valid role: user, model.")
        if not content.get("parts"):
            raise RefusedError(f"* GenerateContentRequest.contents[{at}].parts: contents.parts must not be empty.")
        if len(_parts(content, "functionResponse")) != calls:
            raise RefusedError(UNANSWERED)
        calls = len(_parts(content, "functionCall"))
        if calls and at == 0:
            raise RefusedError("Please ensure that function call turn comes immediately after a user turn.")
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and not first.get("thoughtSignature"):
            raise RefusedError(f"Function call in contents[{at}] is missing a thought_signature.")
    if calls:
        raise RefusedError(UNANSWERED)


def _asked(contents: list[Any], tools: tuple[str, ...]) -> Asked:
    texts = [text for each in contents if each.get("role") != "model" for text in _parts(each, "text")]
    said = texts[-1] if texts else ""
    responses = _parts(contents[-1], "functionResponse")
    if not responses or _parts(contents[-1], "text"):
        return Asked(said, tools=tools)
    last = responses[-1]
    answer = last.get("response") or {}
    return Asked(said, last["name"], str(answer.get("output", answer.get("result", json.dumps(answer)))), tools)


def _chunk(parts: list[Body], counts: Counts, model: str, reason: str | None = None) -> Body:
    candidate: Body = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    usage = {
        "promptTokenCount": counts.input,
        "candidatesTokenCount": counts.output,
        "totalTokenCount": counts.input + counts.output,
        "cachedContentTokenCount": counts.cached,
    }
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}


def _event(fields: Body) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()

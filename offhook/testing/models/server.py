"""A scripted language model that speaks three protocols: OpenAI's Chat Completions, Anthropic's Messages, Gemini's.

    async with ModelServer(["Hello.", Reply(calls=(ScriptedCall("get_balance"),))]) as server:
        ...  # a model with base_url = server.openai_url (or anthropic_url, gemini_url), api_key = server.api_key

It is strict: what a vendor refuses is refused with the vendor's words. Prompts are cached as the vendors do it, and the
usage shows how much of one came from the cache.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from offhook.testing.models.anthropic import AnthropicWire
from offhook.testing.models.gemini import GeminiWire
from offhook.testing.models.openai import OpenAiWire
from offhook.testing.models.script import Answer, Asked, Reply, Script, ScriptedCall, tokens
from offhook.testing.models.wire import Counts, Question, RefusedError, Whole, Wire
from offhook.testing.vendors.http_server import HttpRequest, HttpResponse, HttpServer, json_response

ProtocolName = Literal["openai", "anthropic", "gemini"]
End = Literal["refused", "complete", "faulty", "closed"]
"""How an exchange ended; `closed`: by the client, before its end."""

WIRES: dict[ProtocolName, Wire] = {"openai": OpenAiWire(), "anthropic": AnthropicWire(), "gemini": GeminiWire()}
UNKNOWN_TOOL = ScriptedCall("launch_rocket", {"at": "once"})
SLOW_TOKENS_PER_S = 1.0

_GEMINI = re.compile(r"/v1(?:beta|alpha)?/models/([^/:]+):(?:streamG|g)enerateContent")
_STATUSES = {"busy": (429, "Rate limit reached for requests."), "broken": (500, "The server had an error.")}


@dataclass(slots=True)
class Exchange:
    """A request, and what became of it. `prompt` is what the model reads of it, in the order of the vendor's cache;
    `warm`: it asked for one token, so the script did not answer it."""

    protocol: ProtocolName
    body: dict[str, Any]
    headers: dict[str, str]
    prompt: tuple[str, ...] = ()
    asked: Asked | None = None
    counts: Counts = field(default_factory=Counts)
    warm: bool = False
    end: End | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, end: End) -> None:
        if self.end is None:
            self.end = end
        self.over.set()


class ModelServer:
    """See the module. `replies`: Reply or text, or a function from what is asked to one of them.

    `api_key` None takes any key and none, as the servers of one's own do. `models` are listed at /v1/models; with
    `strict_models` others do not exist. `first_token_s` and `tokens_per_s` (0: at once) are the pace, unless a reply
    has its own. `exchanges` has all requests for replies so far.
    """

    def __init__(
        self,
        replies: Iterable[Reply | str] | Answer = (),
        *,
        api_key: str | None = "test-key",
        models: tuple[str, ...] = ("scripted",),
        strict_models: bool = False,
        first_token_s: float = 0.0,
        tokens_per_s: float = 0.0,
    ) -> None:
        self.script = Script(replies)
        self.api_key = api_key
        self.models = models
        self.strict_models = strict_models
        self.first_token_s = first_token_s
        self.tokens_per_s = tokens_per_s
        self.exchanges: list[Exchange] = []
        self._cached: list[tuple[str, ...]] = []
        self._http = HttpServer(self._handle)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, port: int = 0) -> None:
        """Listen on a free port of 127.0.0.1, or on this one."""
        await self._http.start(port)

    async def close(self) -> None:
        """End all connections. Idempotent."""
        await self._http.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def openai_url(self) -> str:
        """The `base_url` of OpenAI's clients."""
        return f"{self.url}/v1"

    anthropic_url = gemini_url = url

    @property
    def connections(self) -> int:
        """How many connections have been opened."""
        return self._http.connections

    @property
    def requests(self) -> list[Exchange]:
        """The exchanges without those that only warm the prompt."""
        return [each for each in self.exchanges if not each.warm]

    # Inside.

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        path = request.path.partition("?")[0]
        protocol = _protocol(path, request)
        wire = WIRES[protocol]
        try:
            if self.api_key is not None and wire.key(request.headers) != self.api_key:
                raise wire.wrong_key()
            if request.method == "GET":
                return self._models(path, protocol)
            return await self._reply(request, path, protocol)
        except RefusedError as error:
            return json_response(error.status, wire.error(error.status, error.why))

    def _models(self, path: str, protocol: ProtocolName) -> HttpResponse:
        _, _, tail = path.partition("/models")
        names = self.models if tail in ("", "/") else tuple(name for name in self.models if tail == f"/{name}")
        if not path.startswith("/v1") or "/models" not in path or not names:
            raise RefusedError(f"There is no {path} here.", 404)
        if protocol == "gemini":
            found = [{"name": f"models/{name}", "displayName": name} for name in names]
            return json_response(200, {"models": found} if tail in ("", "/") else found[0])
        entry: dict[str, object] = {"object": "model", "type": "model", "created": 1_700_000_000, "owned_by": "test"}
        entry |= {"display_name": "Scripted", "created_at": "2026-01-01T00:00:00Z"}
        entries = [{**entry, "id": name} for name in names]
        page = {"object": "list", "data": entries, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        return json_response(200, page if tail in ("", "/") else entries[0])

    async def _reply(self, request: HttpRequest, path: str, protocol: ProtocolName) -> HttpResponse:
        wire = WIRES[protocol]
        if not (path in ("/v1/chat/completions", "/v1/messages") or _GEMINI.fullmatch(path)):
            raise RefusedError(f"There is no {path} here.", 404)
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise RefusedError("We could not parse the JSON body of your request.")
        exchange = Exchange(protocol, body, request.headers)
        self.exchanges.append(exchange)
        try:
            gemini = _GEMINI.fullmatch(path)
            model = gemini[1] if gemini else str(body.get("model", ""))
            if self.strict_models and model not in self.models:
                raise RefusedError(f"The model `{model}` does not exist or you do not have access to it.", 404)
            question = wire.read(path, body)
        except RefusedError:
            exchange.finish("refused")
            raise
        exchange.prompt, exchange.asked = question.prompt, question.asked
        exchange.warm = question.max_tokens == 1
        exchange.counts = self._counted(question)
        reply = Reply("Yes") if exchange.warm else self.script.reply(question.asked)
        return await self._answer(wire, question, reply, exchange, model)

    def _counted(self, question: Question) -> Counts:
        """The tokens of the prompt, and how many of them are cached from now on or were before."""
        sizes = [len(tokens(part)) for part in question.prompt]
        common = 0
        for known in self._cached:
            pairs = list(zip(known, question.prompt[: question.cacheable], strict=False))
            same = next((at for at, (one, other) in enumerate(pairs) if one != other), len(pairs))
            common = max(common, same)
        if question.cacheable:
            self._cached.append(question.prompt[: question.cacheable])
        return Counts(sum(sizes), sum(sizes[:common]))

    async def _answer(
        self, wire: Wire, question: Question, reply: Reply, exchange: Exchange, model: str
    ) -> HttpResponse:
        if reply.fault == "hang":
            try:
                await asyncio.Event().wait()
            finally:
                exchange.finish("closed")
        if reply.fault == "key":
            exchange.finish("faulty")
            raise wire.wrong_key()
        if reply.fault in _STATUSES:
            exchange.finish("faulty")
            status, why = _STATUSES[reply.fault]
            response = json_response(status, wire.error(status, why))
            if reply.fault == "busy":
                response.headers["retry-after"] = f"{reply.retry_after_s:g}"
            return response
        if reply.fault == "unknown-tool":
            reply = replace(reply, calls=(UNKNOWN_TOOL,))
        if reply.fault == "bad-arguments":
            calls = reply.calls or tuple(ScriptedCall(name, {"a": 1}) for name in question.asked.tools[:1])
            reply = replace(reply, calls=tuple(replace(each, arguments=each.json[:-1]) for each in calls))
        if question.stream:
            events = self._events(wire, question, reply, exchange, model)
            breaks = reply.fault == "die"
            return HttpResponse(content_type="text/event-stream", body=events, breaks=breaks)
        await asyncio.sleep(self._first_s(reply))
        whole, reason = _limited(tokens(reply.text), reply, question)
        exchange.counts.output = len(whole) + _sizes(reply.calls)
        exchange.finish("complete")
        return json_response(200, wire.whole(Whole("".join(whole), reply.calls, reason, exchange.counts), model))

    async def _events(
        self, wire: Wire, question: Question, reply: Reply, exchange: Exchange, model: str
    ) -> AsyncIterator[bytes]:
        counts = exchange.counts
        stream = wire.stream(question, counts, model)
        try:
            for event in stream.begin():
                yield event
            await asyncio.sleep(self._first_s(reply))
            words, reason = _limited(tokens(reply.text), reply, question)
            async for word in self._paced(words, reply):
                counts.output += 1
                for event in stream.text(word):
                    yield event
            if await self._breaks_off(reply):
                exchange.finish("faulty")
                if reply.fault == "error-in-stream":
                    yield wire.error_event("Overloaded")
                return
            counts.output += _sizes(reply.calls)
            for call in reply.calls:
                for event in stream.call(call):
                    yield event
            for event in stream.end(reason):
                yield event
            exchange.finish("complete")
        finally:
            exchange.finish("closed")

    async def _breaks_off(self, reply: Reply) -> bool:
        if reply.fault == "stall":
            await asyncio.Event().wait()
        return reply.fault in ("die", "cut", "error-in-stream")

    async def _paced(self, words: list[str], reply: Reply) -> AsyncIterator[str]:
        if reply.fault == "endless":
            words = words or ["and"]
        elif reply.fault in ("stall", "die", "cut", "error-in-stream", "filtered"):
            words = words[: (len(words) + 1) // 2]
        per_s = self.tokens_per_s if reply.tokens_per_s is None else reply.tokens_per_s
        per_s = SLOW_TOKENS_PER_S if reply.fault == "slow" else per_s
        loop = asyncio.get_running_loop()
        began_at, sent = loop.time(), 0
        while True:
            for word in words:
                # At the pace on the average, however coarse the loop's timers are.
                await asyncio.sleep(max(0.0, began_at + sent / per_s - loop.time()) if per_s else 0.0)
                sent += 1
                yield word
            if reply.fault != "endless":
                return
            await asyncio.sleep(0.001)

    def _first_s(self, reply: Reply) -> float:
        return self.first_token_s if reply.first_token_s is None else reply.first_token_s


def _protocol(path: str, request: HttpRequest) -> ProtocolName:
    if path == "/v1/messages" or "anthropic-version" in request.headers:
        return "anthropic"
    if _GEMINI.fullmatch(path) or "x-goog-api-key" in request.headers:
        return "gemini"
    return "openai"


def _limited(words: list[str], reply: Reply, question: Question) -> tuple[list[str], str]:
    """The words within the request's limit, and why the reply ends."""
    if reply.fault == "filtered":
        return words, "filtered"
    if question.max_tokens is not None and len(words) > question.max_tokens and reply.fault != "endless":
        return words[: question.max_tokens], "length"
    return words, "tools" if reply.calls else "stop"


def _sizes(calls: tuple[ScriptedCall, ...]) -> int:
    return sum(1 + len(tokens(call.json)) for call in calls)

"""The requests of a flow's steps: sent, tried again, and covered by a word while they last."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from decimal import Decimal
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeVar

import structlog

from offhook.api.call import Call
from offhook.http_request import IDEMPOTENT, HttpRequest, HttpRequestError
from offhook.pipeline.dialog.actions import Action, Fetch, Fetched, Instant, Invoke
from offhook.pipeline.dialog.expression.functions import MAX_NUMBER_CHARS
from offhook.pipeline.dialog.limits import MAX_REQUESTS, MAX_REQUESTS_AT_ONCE
from offhook.pipeline.events import Prompt
from offhook.pipeline.secret.digits import SecretKeys
from offhook.pipeline.understanding.recorded import recorded

MOMENT_S = 0.8
"""Who waits for longer wants to hear why."""

RETRY_S = 0.2

MIN_FOUND_DIGITS = 8
"""Of a secret that is looked for in answers."""

MAX_BETWEEN = 3
"""Characters between two digits of it."""

MAX_DEPTH = 20
"""Of an answer: lists in objects in lists."""

Send = Callable[[HttpRequest, Mapping[str, Any]], Awaitable[str]]
"""Sends a request with its values. Returns the answer's text. Raises HttpRequestError."""

_T = TypeVar("_T")

_HALF = re.compile(r"[\ud800-\udfff]")
_BETWEEN = " .-\u00a0"
_TOO_DEEP = f"it is nested more than {MAX_DEPTH} deep"


def changes_something(action: Fetch) -> bool:
    """Whether the server may do more than tell (RFC 9110, section 9.2.1)."""
    return isinstance(request := action.step.request, HttpRequest) and request.method != "GET"


class RequestCount:
    """The requests of one call, and its calls of functions: a loop of the flow is no flood for their servers."""

    def __init__(self) -> None:
        self._in_call = self._at_once = 0

    def before(self, action: Action) -> None:
        """This is done next; what is neither of them takes its time, or none."""
        if not isinstance(action, Fetch | Invoke | Instant):
            self._at_once = 0

    def may_begin(self, call: Call, action: Fetch | Invoke) -> bool:
        """Whether there may be one more; it is counted."""
        if self._at_once >= MAX_REQUESTS_AT_ONCE or self._in_call >= MAX_REQUESTS:
            log = structlog.get_logger("offhook.flow")
            why = f"{self._in_call} in this call, {self._at_once} without a pause"
            what = "a request was not sent" if isinstance(action, Fetch) else "a function was not called"
            log.warning(what, call=call.id, step=action.step.name, why=why)
            return False
        self._at_once += 1
        self._in_call += 1
        return True


async def fetched(
    call: Call,
    action: Fetch,
    send: Send,
    secrets: Mapping[str, SecretKeys] = MappingProxyType({}),
) -> Fetched:
    """The answer; `secrets` are sent, too. Raises CallEnded."""
    return await covered(call, action.meanwhile, _answer(call, action, send, secrets))


async def covered(call: Call, meanwhile: Prompt | None, work: Coroutine[Any, Any, _T]) -> _T:
    """The result of what keeps the caller waiting, who hears `meanwhile` after a moment, and is not left in silence.
    Raises CallEnded."""
    asking = asyncio.ensure_future(work)
    with call.covering(True):
        try:
            done, _ = await call.until_ended(asyncio.wait((asking,), timeout=MOMENT_S))
            if not done and meanwhile is not None:
                await call.step(meanwhile, None)
            return await call.until_ended(asking)
        finally:
            asking.cancel()


async def _answer(call: Call, action: Fetch, send: Send, secrets: Mapping[str, SecretKeys]) -> Fetched:
    step = action.step
    request = step.request
    assert isinstance(request, HttpRequest), "the flow's reader has made it"
    log = structlog.get_logger("offhook.flow").bind(call=call.id, step=step.name)
    status: int | None = None
    for left in reversed(range(step.retries + 1)):
        began = monotonic()
        try:
            async with asyncio.timeout(step.timeout_s):
                given = {name: _in_json(value) for name, value in action.values.items()}
                filled = request.with_headers(action.headers)
                if action.body is not None:
                    filled = filled.with_body(_in_json(action.body))
                text = await send(filled, {**given, **secrets})
            value = masked(value_in(text), secrets.values()) if step.keeps_answer else None
        except (HttpRequestError, TimeoutError, ValueError) as error:
            status = error.status if isinstance(error, HttpRequestError) else None
            why = f"no answer within {step.timeout_s:g} s" if isinstance(error, TimeoutError) else _why(error)
            may_repeat = left > 0 and _may_repeat(request, error, always=step.retry_always)
            tries_left = left if may_repeat else 0
            log.warning("a request failed", why=why, tries_left=tries_left, seconds=round(monotonic() - began, 2))
            if not may_repeat:
                break
            await asyncio.sleep(RETRY_S)
            continue
        return Fetched(True, value)
    return Fetched(False, status=status)


def masked(value: object, secrets: Iterable[SecretKeys]) -> object:
    """A value of a server's answer, with asterisks for secrets that it has sent back: in texts, however they are
    grouped, in names and in numbers, which are texts then. Short ones are too common to be found."""
    looked_for = [keys for keys in secrets if len(keys) >= MIN_FOUND_DIGITS]
    return _masked(value, looked_for) if looked_for else value


def _masked(value: object, secrets: Iterable[SecretKeys]) -> object:
    if isinstance(value, dict):
        return {_masked(name, secrets): _masked(each, secrets) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, secrets) for each in value]
    if value is None or isinstance(value, bool):
        return value
    shown = text = format(value, "f") if isinstance(value, Decimal) else str(value)
    for keys in secrets:
        text = _without(text, keys.octets())
    return value if text == shown else text


def _without(text: str, octets: memoryview) -> str:
    """The text with asterisks for these digits."""
    first, pieces = chr(octets[0]), list[str]()
    begin = done = 0
    while (begin := text.find(first, begin)) >= 0:
        if end := _end_of(text, begin, octets):
            pieces += (text[done:begin], "*" * len(octets))
            begin = done = end
        else:
            begin += 1
    return "".join((*pieces, text[done:]))


def _end_of(text: str, begin: int, octets: memoryview) -> int:
    """Where these digits end that begin there, with blanks and the like between them; 0: they do not."""
    at = begin
    for octet in octets:
        between = at
        while at < len(text) and at - between < MAX_BETWEEN and text[at] in _BETWEEN:
            at += 1
        if at == len(text) or ord(text[at]) != octet:
            return 0
        at += 1
    return at


def _may_repeat(request: HttpRequest, error: Exception, *, always: bool) -> bool:
    """Whether another try can help, and does no harm or is wanted all the same."""
    again = error.again if isinstance(error, HttpRequestError) else "twice"
    return again == "harmless" or (again == "twice" and (always or request.method in IDEMPOTENT))


def _why(error: Exception) -> str:
    """Without the answer itself, which may have what the caller has typed."""
    if isinstance(error, HttpRequestError):
        return error.reason
    return f"the answer is not JSON that can be kept ({error})" if type(error) is ValueError else "it is not JSON"


def value_in(text: str) -> object:
    """The value of a server's answer; numbers of more than MAX_NUMBER_CHARS digits are None, and halves of characters
    are left out.

    Raises ValueError: it is not JSON (RFC 8259), or nested more than MAX_DEPTH deep.
    """
    try:
        value = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_not_json)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [each for whole in level for each in _parts(whole)]
    if level:
        raise ValueError(_TOO_DEEP)
    return _whole(value) if "\\u" in text else value


def _whole(value: object) -> object:
    """Without halves of characters, which JSON can have, but no text that is sent, spoken or kept."""
    if isinstance(value, str):
        return _HALF.sub("", value)
    if isinstance(value, dict):
        return {_HALF.sub("", name): _whole(each) for name, each in value.items()}
    return list(map(_whole, value)) if isinstance(value, list) else value


def _parts(whole: object) -> Iterable[object]:
    if isinstance(whole, dict):
        return whole.values()
    return whole if isinstance(whole, list) else ()


def _number(text: str) -> int | Decimal | None:
    if len(text) > MAX_NUMBER_CHARS:
        return None
    if text.lstrip("-").isdigit():
        return int(text)
    number = Decimal(text)
    return number if abs(number.adjusted()) <= MAX_NUMBER_CHARS else None


def _not_json(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _in_json(value: object) -> Any:
    """A value of a flow as JSON has it: dates and times in ISO 8601, amounts with their currency."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): _in_json(each) for key, each in value.items()}
    return [_in_json(each) for each in value] if isinstance(value, list | tuple) else recorded(value)

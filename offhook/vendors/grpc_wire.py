"""A gRPC call with streams in both directions as the wire of a connection. A unary call is one too, on the network.

Binary messages are serialised protocol buffers. The text message `END` says that no more follows: sent, it closes our
half of the call; received, it says that the vendor has finished, without an error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.errors import away_hint, plain, refusal
from offhook.vendors.limits import Limits
from offhook.vendors.target import Target
from offhook.vendors.wire import DialStream, Message, WireClosedError

END = ""

Call = Any
"""grpc.aio.StreamStreamCall of bytes; grpc has no types."""

STATUS_S, STATUS_TRIES = 0.005, 100
"""For the vendor's status to come, after a message could not be sent any more."""

T = TypeVar("T")

_UNSENT = "Internal error from Core"
_HTTP_STATUS = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
"""What Google answers for the same reason where it speaks HTTP. Other codes say that a call has ended."""

_WRONG_KEY = ("API key not valid", "API key expired", "API_KEY_INVALID")
"""Google answers INVALID_ARGUMENT to a wrong API key."""


class Status(NamedTuple):
    """How a call has ended."""

    code: grpc.StatusCode
    details: str | None


class GrpcWire:
    """See Wire. `on_closed` is called once."""

    close_code: int | None = None

    def __init__(self, target: Target, call: Call, on_closed: Callable[[], None]) -> None:
        self._target = target
        self._call = call
        self._on_closed: Callable[[], None] | None = on_closed
        self._error: EngineError | None = None
        self._status: Status | None = None
        call.add_done_callback(self._on_status)

    async def __aiter__(self) -> AsyncIterator[Message]:
        call = self._call
        try:
            async for message in call:  # `call.read` forgets what has come as soon as a message cannot be sent
                yield message
        except grpc.aio.AioRpcError:
            pass  # the status says why
        except asyncio.CancelledError:
            if _is_cancelling() or not call.cancelled():
                raise
            return  # we have closed it
        status = await self._ended()
        if status.code is grpc.StatusCode.OK:
            yield END
        else:
            self._error = status_error(self._target, status.code, status.details, is_open=True)

    async def send(self, message: Message) -> None:
        """See Wire."""
        try:
            if message == END:
                await self._call.done_writing()
            else:
                await self._call.write(message)
        except (grpc.RpcError, grpc.aio.InternalError, asyncio.InvalidStateError) as error:
            raise WireClosedError from error
        except asyncio.CancelledError as error:
            if _is_cancelling():
                raise
            raise WireClosedError from error

    async def close(self) -> None:
        """See Wire. There is no farewell: the vendor stops at once."""
        self._call.cancel()

    def abort(self) -> None:
        """See Wire."""
        self._call.cancel()
        on_closed, self._on_closed = self._on_closed, None
        if on_closed is not None:
            on_closed()

    def ended(self) -> EngineError:
        """See Wire."""
        return self._error or EngineError(self._target.name, f"talking to {self._target.vendor}", "the call has ended")

    def _on_status(self, call: Call) -> None:
        """The call has got its first status. When a message cannot be sent any more, gRPC puts an error of its own in
        the place of the vendor's status, which may have come already, or come later."""
        status = Status(_result(call.code()), _result(call.details()))
        if status.details != _UNSENT:
            self._status = self._status or status

    async def _ended(self) -> Status:
        """The vendor's status; gRPC's own, if there is none."""
        for _ in range(STATUS_TRIES):
            found = self._status or Status(await self._call.code(), await self._call.details())
            if found.details != _UNSENT:
                break
            await asyncio.sleep(STATUS_S)  # gRPC does not tell the second one
        return found


async def ask(target: Target, request: bytes, limits: Limits, limit_s: float, dial: DialStream) -> bytes:
    """The answer to a unary call. Raises EngineError, EngineTimeout, VendorRefusedError."""
    answer = b""
    try:
        async with asyncio.timeout(limit_s):
            wire = await dial(target, limits)
            try:
                with suppress(WireClosedError):  # it is refused already: reading it says why
                    await wire.send(request)
                    await wire.send(END)
                async for message in wire:
                    if message == END:
                        return answer
                    answer = message if isinstance(message, bytes) else answer
            finally:
                wire.abort()
    except TimeoutError:
        what = f"asking {target.vendor}"
        raise EngineTimeout(target.name, what, f"there was no answer for {limit_s:g} s") from None
    raise wire.ended()


def decoded(kind: Any, message: Message) -> Any:
    """The protocol buffer of this kind in a message. Raises ValueError for what is none."""
    try:
        return kind.FromString(message)
    except (DecodeError, TypeError) as error:
        raise ValueError(f"no {kind.__name__}") from error


def status_error(target: Target, code: grpc.StatusCode, details: str | None, *, is_open: bool) -> EngineError:
    """The error of a call's status; `is_open`: whether the connection had been open."""
    what = f"{'talking' if is_open else 'connecting'} to {target.vendor}"
    said = plain(target, (details or code.name)[:300])
    if any(each in said for each in _WRONG_KEY):
        return refusal(target, 401, said.encode(), what)
    if code in _HTTP_STATUS:
        return refusal(target, _HTTP_STATUS[code], said.encode(), what)
    if code is grpc.StatusCode.UNAVAILABLE:
        why = "the connection broke off" if is_open else f"{target.place} cannot be reached"
        return EngineError(target.name, what, f"{why} ({said})", "" if is_open else away_hint(target))
    return EngineError(target.name, what, f"it ended the call: {code.name} ({said})")


def _result(work: Coroutine[Any, Any, T]) -> T:
    """Of a coroutine that has nothing to wait for, as those of a call that has ended."""
    try:
        work.send(None)
    except StopIteration as returned:
        return returned.value  # type: ignore[no-any-return]
    work.close()
    raise RuntimeError("it waits")


def _is_cancelling() -> bool:
    """Whether this task is being cancelled, and not only the call."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

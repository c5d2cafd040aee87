"""Which call a task works for, for the log of what serves all calls, such as a language model's client."""

from contextvars import ContextVar

_CALL: ContextVar[str] = ContextVar("offhook_call", default="")


def enter(call_id: str) -> None:
    """This task, and those that it starts from now on, work for the call."""
    _CALL.set(call_id)


def call_field() -> dict[str, str]:
    """The field `call` of a log line; empty outside of a call."""
    call_id = _CALL.get()
    return {"call": call_id} if call_id else {}

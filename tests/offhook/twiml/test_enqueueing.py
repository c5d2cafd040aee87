"""An Enqueue whose caller hangs up."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from offhook.api.call_ended import CallEnded
from offhook.twiml.enqueue import Enqueue
from offhook.twiml.enqueueing import enqueue


async def _hangs_up(_name: str) -> None:
    raise CallEnded


@pytest.mark.parametrize("action", ["/next", None])
def test_the_action_learns_that_the_caller_has_hung_up(action: str | None) -> None:
    told: list[tuple[str, str, dict[str, str], bool]] = []

    def tell(url: str, method: str, parameters: dict[str, str], *, over: bool) -> None:
        told.append((url, method, parameters, over))

    running: Any = SimpleNamespace(call=SimpleNamespace(queue=_hangs_up), tell=tell)
    with pytest.raises(CallEnded):
        asyncio.run(enqueue(running, Enqueue("support", action, "GET")))
    if action is None:
        assert told == []
    else:
        ((url, method, parameters, over),) = told
        assert (url, method, over) == ("/next", "GET", True)
        assert (parameters["QueueResult"], parameters["QueueTime"]) == ("hangup", "0")
        assert parameters["QueueSid"].startswith("QU")

"""An Enqueue whose caller hangs up."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from offhook.api.call_ended import CallEnded
from offhook.twiml.enqueue import Enqueue
from offhook.twiml.enqueueing import enqueue

Told = list[tuple[str, str, dict[str, str], bool]]


def told(action: str | None, *agents: str) -> Told:
    """What the application learns of a caller who hangs up behind these agents (an empty one: they wait again)."""
    told: Told = []

    def tell(url: str, method: str, parameters: dict[str, str], *, over: bool) -> None:
        told.append((url, method, parameters, over))

    async def queue(_name: str, on_agent: Callable[[str], None], while_waiting: None) -> None:
        for agent in agents:
            on_agent(agent)
        raise CallEnded

    running: Any = SimpleNamespace(call=SimpleNamespace(queue=queue), tell=tell)
    with pytest.raises(CallEnded):
        asyncio.run(enqueue(running, Enqueue("support", action, "GET")))
    return told


@pytest.mark.parametrize("agents", [(), ("anna", "")])
def test_the_action_learns_that_a_caller_who_waits_has_hung_up(agents: tuple[str, ...]) -> None:
    ((url, method, parameters, over),) = told("/next", *agents)
    assert (url, method, over) == ("/next", "GET", True)
    assert (parameters["QueueResult"], parameters["QueueTime"]) == ("hangup", "0")
    assert parameters["QueueSid"].startswith("QU")


def test_who_hangs_up_when_they_talk_was_connected() -> None:
    ((_, _, parameters, over),) = told("/next", "anna", "", "ben")
    assert over
    assert (parameters["QueueResult"], "QueueTime" in parameters) == ("bridged", False)


def test_without_an_action_nobody_learns_of_it() -> None:
    assert told(None, "anna") == []

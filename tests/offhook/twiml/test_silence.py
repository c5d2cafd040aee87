"""What callers hear while a server is slow."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest

from offhook.http_request import HttpAnswer, HttpBody, HttpRequest
from offhook.pipeline.trace import SilenceFilled
from offhook.testing import SimulatedCall, run
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application
from tests.offhook.twiml.table import HOST, Page, Server, act, sound, written

SLOW_S = 8.0
MOST_S = 2.0
"""Of silence."""

FILLER_S = 1.5
"""One lasts no longer."""

NEXT = "<Gather action='/last' numDigits='1'/><Say>Nothing was pressed.</Say>"


class Slow(Server):
    """Takes SLOW_S for some of its pages; `began` has when the first of them was asked for."""

    def __init__(self, pages: Mapping[str, Page], *slow: str) -> None:
        super().__init__(pages)
        self._slow = slow
        self.began: list[float] = []

    async def send(self, request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
        """See Send."""
        if urlsplit(request.url).path in self._slow:
            self.began.append(asyncio.get_running_loop().time())
            await asyncio.sleep(SLOW_S)
        return await super().send(request, fields)


def heard(server: Slow, *lines: str, early: bool = False) -> SimulatedCall:
    """The call of somebody who does what the lines say, to its end."""

    async def talk() -> SimulatedCall:
        agent = TwimlAgent(Application(f"{HOST}/voice"), server.send)
        async with SimulatedCall(agent, early_media=early) as caller:
            for line in lines:
                await act(caller, line)
            async with asyncio.timeout(60):
                await caller.over.wait()
        return caller

    return run(talk())


def fillers(caller: SimulatedCall) -> list[SilenceFilled]:
    return [event for event in caller.events if isinstance(event, SilenceFilled)]


def said(caller: SimulatedCall) -> list[str]:
    return [each.text for each in caller.transcript if each.who == "bot"]


def are_covered(found: list[SilenceFilled], began: float) -> bool:
    """Whether SLOW_S from `began` on had no long silence in it."""
    times = [began, *(each.at for each in found), began + SLOW_S]
    return max(after - before for before, after in pairwise(times)) <= MOST_S + FILLER_S and times[1] <= began + MOST_S


@pytest.mark.parametrize("prompt", ["<Say>Which one?</Say>", ""])
def test_a_slow_document_is_covered_and_the_gather_after_it_ends(prompt: str) -> None:
    server = Slow(
        written(f"<Gather action='/next' numDigits='1'>{prompt}</Gather>", next=NEXT, last="<Say>Thank you.</Say>"),
        "/next",
    )
    caller = heard(server, "waits 3", "presses 1", f"waits {SLOW_S + 2}", "presses 2")
    assert [path for _, path, _ in server.asked] == ["/voice", "/next", "/last"]
    assert fillers(caller)[0].text == "One moment, please."
    assert are_covered(fillers(caller), server.began[0])
    assert said(caller)[-1] == "Thank you."


def test_a_gather_that_is_waited_for_is_not_filled() -> None:
    server = Slow(written("<Gather action='/next'/><Say>Nothing was pressed.</Say><Pause length='5'/>"))
    caller = heard(server)
    assert (fillers(caller), said(caller)) == ([], ["Nothing was pressed."])


def test_a_silence_of_the_caller_is_none_of_the_server() -> None:
    server = Slow(written("<Gather action='/next'/><Redirect>/next</Redirect>", next="<Say>Hello.</Say>"), "/next")
    caller = heard(server)
    first = fillers(caller)[0]
    assert server.began[0] + 1.0 <= first.at <= server.began[0] + MOST_S


def test_before_the_answer_nothing_is_said() -> None:
    server = Slow(written("<Say>Hello.</Say>"), "/voice")
    caller = heard(server, early=True)
    assert (fillers(caller), said(caller)) == ([], ["Hello."])


@pytest.mark.parametrize("document", ["<Gather><Play>/a.wav</Play></Gather>", "<Play loop='2'>/a.wav</Play>"])
def test_a_slow_sound_is_covered(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[float] = []

    @asynccontextmanager
    async def slow(request: HttpRequest, values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(SLOW_S)
        async with sound(request, values) as body:
            yield body

    monkeypatch.setattr(HttpRequest, "open", slow)
    caller = heard(Slow(written(document)))
    assert are_covered(fillers(caller), began[0])

"""What callers hear while a server is slow."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from offhook.http_request import HttpAnswer, HttpBody, HttpRequest
from offhook.pipeline.trace import SilenceFilled
from offhook.pipeline.turn.machine import TurnSettings
from offhook.testing import SimulatedCall, run
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application
from tests.offhook.twiml.table import HOST, Page, Server, act, sound, written

SLOW_S = 8.0
LONGEST_S = 2.0
"""Of silence, while the bot owes something."""

FILLED = TurnSettings(filler_ms=1_200)
LOOK_S = 0.05
NEXT = "<Gather action='/last' numDigits='1'/><Say>Nothing was pressed.</Say>"


class Slow(Server):
    """Takes SLOW_S for some of its pages, and for sounds; `began` has when. `longest_s` is for how long the caller
    heard nothing meanwhile."""

    def __init__(self, pages: Mapping[str, Page], *slow: str) -> None:
        super().__init__(pages)
        self._slow = slow
        self.caller: SimulatedCall | None = None
        self.began: list[float] = []
        self.longest_s = 0.0

    async def send(self, request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
        """See Send."""
        if urlsplit(request.url).path in self._slow:
            await self.wait()
        return await super().send(request, fields)

    async def wait(self) -> None:
        """SLOW_S, and notice what is heard."""
        assert self.caller is not None, "it calls"
        self.began.append(self.caller.now)
        quiet_s = 0.0
        for _ in range(round(SLOW_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            quiet_s = 0.0 if self.caller.call.is_audible else quiet_s + LOOK_S
            self.longest_s = max(self.longest_s, quiet_s)


def heard(server: Slow, *lines: str, early: bool = False) -> SimulatedCall:
    """The call of somebody who does what the lines say, to its end."""

    async def talk() -> SimulatedCall:
        agent = TwimlAgent(Application(f"{HOST}/voice"), server.send)
        server.caller = SimulatedCall(agent, early_media=early, settings=FILLED)
        async with server.caller as caller:
            for line in lines:
                await act(caller, line)
            async with asyncio.timeout(60):
                await caller.over.wait()
        return caller

    return run(talk())


def fillers(caller: SimulatedCall) -> list[SilenceFilled]:
    return [event for event in caller.events if isinstance(event, SilenceFilled)]


def said(caller: SimulatedCall) -> list[str]:
    return [each.text for each in caller.transcript if each.who == "bot" and each.text]


@pytest.mark.parametrize("prompt", ["<Say>Which one?</Say>", ""])
def test_a_slow_document_is_covered_and_the_gather_after_it_ends(prompt: str) -> None:
    first = f"<Gather action='/next' numDigits='1'>{prompt}</Gather>"
    server = Slow(written(first, next=NEXT, last="<Say>Thank you.</Say>"), "/next")
    caller = heard(server, "waits 3", "presses 1", f"waits {SLOW_S + 2}", "presses 2")
    assert [path for _, path, _ in server.asked] == ["/voice", "/next", "/last"]
    assert fillers(caller)[0].text == "One moment, please."
    assert server.longest_s <= LONGEST_S
    assert said(caller)[-1] == "Thank you."


def test_a_gather_after_it_ends_without_a_key_too() -> None:
    server = Slow(written("<Gather action='/next' numDigits='1'/>", next=NEXT), "/next")
    caller = heard(server, "waits 3", "presses 1")
    assert (server.longest_s <= LONGEST_S, said(caller)) == (True, ["Nothing was pressed."])


def test_what_is_meant_to_be_silent_is_not_filled() -> None:
    server = Slow(written("<Gather action='/next'/><Say>Nothing was pressed.</Say><Pause length='5'/>"))
    caller = heard(server)
    assert (fillers(caller), said(caller)) == ([], ["Nothing was pressed."])


def test_a_silence_of_the_caller_is_none_of_the_server() -> None:
    first = "<Gather><Say>Which one?</Say></Gather><Redirect>/next</Redirect>"
    server = Slow(written(first, next="<Say>Hello.</Say>"), "/next")
    filler = fillers(heard(server))[0]
    assert server.began[0] + 1.0 <= filler.at <= server.began[0] + LONGEST_S


def test_before_the_answer_nothing_is_said() -> None:
    server = Slow(written("<Say>Hello.</Say>"), "/voice")
    caller = heard(server, early=True)
    assert (fillers(caller), said(caller)) == ([], ["Hello."])


@pytest.mark.parametrize(
    "document", ["<Gather><Play>/a.wav</Play></Gather>", "<Play loop='2'>/a.wav</Play>", "<Play>/a.wav</Play>"]
)
def test_a_slow_sound_is_covered(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Slow(written(document))

    @asynccontextmanager
    async def slow(request: HttpRequest, values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        await server.wait()
        async with sound(request, values) as body:
            yield body

    monkeypatch.setattr(HttpRequest, "open", slow)
    assert fillers(heard(server))
    assert server.longest_s <= LONGEST_S

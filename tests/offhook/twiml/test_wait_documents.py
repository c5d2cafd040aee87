"""Documents of a `waitUrl` that do what they should not, and what happens while they are fetched."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from offhook.api.playing import FIRST_AUDIO_S
from offhook.api.queued import Queued
from offhook.api.while_waiting import MIN_ROUND_S, MUSIC_S
from offhook.http_request import HttpAnswer, HttpBody, HttpRequest
from offhook.pipeline.trace import DialogNoted
from offhook.queues.orders import QueueEnd
from offhook.queues.port import Joined, Leaves, News, TalkOver
from offhook.testing import SimulatedCall, run
from offhook.testing.simulated_queue import SimulatedQueue
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application
from offhook.twiml.limits import MAX_SILENT_DOCUMENTS
from offhook.twiml.wait_documents import AGAIN_S
from tests.offhook.twiml.table import HOST, Page, Server, act, sound, written

LONGEST_SILENCE_S = 2.0
LOOK_S = 0.05
VOICE = "<Enqueue waitUrl='/wait' action='/next'>support</Enqueue>"
NOBODY = Queued(end=QueueEnd.TIMEOUT)
LONG = "This is a sentence that takes a while, and goes on and on, until somebody has an end to it."


class Waited(Server):
    """Notices when it is asked, and takes `slow_s` for /wait; from the `fails_from`th time on it fails."""

    def __init__(self, pages: Mapping[str, Page], *, slow_s: float = 0.0, fails: range = range(0)) -> None:
        super().__init__(pages)
        self._slow_s = slow_s
        self._fails = fails
        self.at: list[float] = []
        """Of each request for /wait, from the first on."""

    async def send(self, request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
        """See Send."""
        if urlsplit(request.url).path != "/wait":
            return await super().send(request, fields)
        self.at.append(asyncio.get_running_loop().time())
        if len(self.at) - 1 in self._fails:
            return HttpAnswer(503)
        await asyncio.sleep(self._slow_s)
        return await super().send(request, fields)


class Heard:
    """What a caller heard of a wait: `silence_s` is the longest silence in it, `music_s` the music, and `late_s` how
    long the bot was heard behind the agent's answer."""

    def __init__(self, caller: SimulatedCall) -> None:
        self.caller = caller
        self.silence_s = self.music_s = self.late_s = 0.0
        self.reports: list[str] = []

    async def look(self) -> None:
        """Until the call is over."""
        quiet_s = 0.0
        while not self.caller.over.is_set():
            await asyncio.sleep(LOOK_S)
            queue = self.caller.queue
            if queue is None:
                continue
            is_heard = self.caller.call.is_audible
            quiet_s = 0.0 if is_heard or queue.plays else quiet_s + LOOK_S
            self.silence_s = max(self.silence_s, quiet_s)
            self.music_s += LOOK_S if queue.plays else 0.0
            self.late_s += LOOK_S if is_heard and queue.joined_at is not None else 0.0

    @property
    def said(self) -> list[str]:
        """By the bot."""
        return [each.text for each in self.caller.transcript if each.who == "bot" and each.text]


def heard(server: Server, *lines: str, ends: Queued = NOBODY, rings_s: float = 60.0) -> Heard:
    """The call of somebody who does what the lines say, to its end."""

    async def talk() -> Heard:
        agent = TwimlAgent(Application(f"{HOST}/voice"), server.send)
        async with SimulatedCall(agent, queue_ends_of=lambda _: ends, rings_s=rings_s) as caller:
            it = Heard(caller)
            looking = asyncio.ensure_future(it.look())
            for line in lines:
                await act(caller, line)
            async with asyncio.timeout(200):
                await caller.over.wait()
            await looking
            await asyncio.sleep(2)
        it.reports = [event.text for event in caller.events if isinstance(event, DialogNoted)]
        return it

    return run(talk())


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(work: Callable[..., object], *arguments: object) -> object:
        return work(*arguments)

    monkeypatch.setattr(HttpRequest, "open", sound)
    monkeypatch.setattr(asyncio, "to_thread", at_once)


def paths(server: Server) -> list[str]:
    return [path for _, path, _ in server.asked]


def test_redirects_without_an_end_are_no_busy_loop() -> None:
    server = Waited(written(VOICE, wait="<Redirect>/wait</Redirect>"))
    it = heard(server, "waits 60", "hangs up")
    assert MAX_SILENT_DOCUMENTS < len(server.at) <= 60 / MIN_ROUND_S
    assert any("error 12400" in each for each in it.reports)
    assert it.silence_s <= LONGEST_SILENCE_S


def test_redirects_that_take_some_time_are_asked_for_once_a_second() -> None:
    server = Waited(written(VOICE, wait="<Play digits='11'/><Redirect>/wait</Redirect>"))
    it = heard(server, "waits 30", "hangs up")
    assert 20 <= len(server.at) <= 30 / MIN_ROUND_S + 1 and it.reports == []


@pytest.mark.parametrize(("verb", "end"), [("<Leave/>", QueueEnd.LEFT), ("<Hangup/>", None)])
def test_who_is_hung_up_on_has_given_up(monkeypatch: pytest.MonkeyPatch, verb: str, end: QueueEnd | None) -> None:
    close, ends = SimulatedQueue.close, list[QueueEnd | None]()

    def noted(queue: SimulatedQueue, end: QueueEnd | None = None) -> None:
        ends.append(end)
        close(queue, end)

    monkeypatch.setattr(SimulatedQueue, "close", noted)
    heard(Waited(written(VOICE, wait=f"<Say>Please wait.</Say>{verb}", next="<Hangup/>")))
    assert ends == [end]


@pytest.mark.parametrize("verb", ["<Leave/>", "<Hangup/>"])
def test_an_agent_who_answers_in_that_moment_has_the_call(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    tell = SimulatedQueue.tell

    def answered_first(queue: SimulatedQueue, news: News) -> None:
        if isinstance(news, Leaves):
            tell(queue, Joined("anna"))
        tell(queue, news)
        if isinstance(news, Leaves):
            tell(queue, TalkOver())

    monkeypatch.setattr(SimulatedQueue, "tell", answered_first)
    server = Waited(written(VOICE, wait=f"<Say>Please wait.</Say>{verb}", next="<Say>Goodbye.</Say>"))
    it = heard(server)
    assert it.said == ["Please wait.", "Goodbye."] and server.asked[-1][2]["QueueResult"] == "bridged"


@pytest.mark.parametrize("document", ["", "<Say/>", "<Gather timeout='0'/>", "<Pause length='0'/>"])
def test_a_document_that_ends_at_once_is_none_either(document: str) -> None:
    server = Waited(written(VOICE, wait=document))
    it = heard(server, "waits 35", "hangs up")
    assert 3 <= len(server.at) <= 4
    assert min(later - first for first, later in zip(server.at, server.at[1:], strict=False)) >= MUSIC_S - LOOK_S
    assert it.silence_s <= LONGEST_SILENCE_S and it.reports == []


@pytest.mark.parametrize("slow_s", [8.0, 14.0, 60.0])
def test_while_the_server_is_slow_there_is_music(slow_s: float) -> None:
    server = Waited(written(VOICE, wait="<Say>Hello.</Say><Leave/>", next="<Hangup/>"), slow_s=slow_s)
    it = heard(server, ends=NOBODY, rings_s=40.0)
    assert it.silence_s <= LONGEST_SILENCE_S and it.music_s >= min(slow_s, 15) - LONGEST_SILENCE_S
    assert it.said == (["Hello."] if slow_s < 15 else [])
    assert any("error 11205" in each for each in it.reports) == (slow_s > 15)


def test_a_server_that_fails_is_asked_again() -> None:
    server = Waited(written(VOICE, wait="<Say>You are still waiting.</Say>"), fails=range(1, 3))
    it = heard(server, "waits 35", "hangs up")
    assert it.said[:2] == ["You are still waiting."] * 2
    assert all(server.at[times + 1] - server.at[times] >= AGAIN_S - LOOK_S for times in (1, 2))
    assert sum("error 11200" in each for each in it.reports) == 1
    assert it.silence_s <= LONGEST_SILENCE_S


def test_an_agent_who_answers_ends_a_sentence_in_mid_word() -> None:
    server = Waited(written(VOICE, wait=f"<Say>{LONG}</Say><Say>Next.</Say>", next="<Hangup/>"))
    it = heard(server, ends=Queued("anna"), rings_s=3.0)
    assert it.said and LONG.startswith(it.said[0].rstrip()) and it.said[0] != LONG
    assert it.late_s <= LOOK_S and it.said[1:] == [] and len(server.at) == 1
    assert server.asked[-1][2]["QueueResult"] == "bridged"


def test_while_they_talk_nothing_is_asked_for() -> None:
    server = Waited(written(VOICE, wait="<Pause length='1'/>", next="<Hangup/>"))
    heard(server, ends=Queued("anna"), rings_s=2.5)  # and talks for two seconds
    assert 2 <= len(server.at) <= 3
    assert server.asked[-1][2]["QueueResult"] == "bridged"


@pytest.mark.parametrize("rings_s", [0.02, 0.5, 3.0, 8.0])
def test_an_agent_may_answer_while_the_document_is_fetched(rings_s: float) -> None:
    server = Waited(written(VOICE, wait="<Say>Please wait.</Say>", next="<Say>Goodbye.</Say>"), slow_s=8.0)
    it = heard(server, ends=Queued("anna"), rings_s=rings_s)
    assert it.said == ["Goodbye."] and it.late_s == 0
    assert paths(server)[-1] == "/next" and server.asked[-1][2]["QueueResult"] == "bridged"


@pytest.mark.parametrize(
    ("document", "slow_s"),
    [("<Say>Hello.</Say>", 8.0), (f"<Say>{LONG}</Say>", 0.0), ("<Gather timeout='60'/>", 0.0), ("", 0.0)],
)
def test_a_caller_may_hang_up_in_it(document: str, slow_s: float) -> None:
    server = Waited(written(VOICE, wait=document), slow_s=slow_s)
    heard(server, "waits 3", "hangs up")
    method, path, given = server.asked[-1]
    assert (method, path, given["QueueResult"], given["CallStatus"]) == ("POST", "/next", "hangup", "completed")


def test_a_queue_that_takes_nobody_ends_it() -> None:
    server = Waited(written(VOICE, wait="<Say>Hello.</Say>", next="<Hangup/>"))
    heard(server, ends=Queued(end=QueueEnd.FULL), rings_s=0.0)
    assert server.asked[-1][2]["QueueResult"] == "queue-full"


def test_addresses_are_relative_to_each_document() -> None:
    wait = "<Say>One.</Say><Redirect>deeper/second</Redirect>"
    pages = {**written(VOICE, next="<Hangup/>"), "/wait": Page(f"<Response>{wait}</Response>")}
    pages["/deeper/second"] = Page(
        "<Response><Gather action='third' timeout='1' actionOnEmptyResult='true'/></Response>"
    )
    pages["/deeper/third"] = Page("<Response><Leave/></Response>")
    server = Waited(pages)
    heard(server)
    assert paths(server) == ["/voice", "/wait", "/deeper/second", "/deeper/third", "/next"]


@pytest.mark.parametrize("slow_s", [3.0, 9.0])
def test_a_sound_that_is_slow_is_waited_for_with_music(monkeypatch: pytest.MonkeyPatch, slow_s: float) -> None:
    @asynccontextmanager
    async def slow(request: HttpRequest, values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
        await asyncio.sleep(slow_s)
        async with sound(request, values) as body:
            yield body

    monkeypatch.setattr(HttpRequest, "open", slow)
    server = Waited(written(VOICE, wait="<Play>/a.wav</Play><Say>Hello.</Say><Leave/>", next="<Hangup/>"))
    it = heard(server)
    assert it.said == ["Hello."] and it.silence_s <= LONGEST_SILENCE_S
    assert it.music_s >= min(slow_s, FIRST_AUDIO_S) - LONGEST_SILENCE_S
    assert any("no audio for 5 s" in each for each in it.reports) == (slow_s > FIRST_AUDIO_S)

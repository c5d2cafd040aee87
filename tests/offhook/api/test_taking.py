"""An agent who has called in, by a port that says things in any order, in virtual time."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook.api.call import Call
from offhook.api.taken import TakeEnd, Taken, TakeRequest
from offhook.api.taking import JOIN_S, Taking
from offhook.calls.call_log import CallLog
from offhook.calls.news_box import NewsBox
from offhook.calls.transfers import CallQueues
from offhook.calls.with_others import WithOthers
from offhook.pipeline.tts.recording import Recording
from offhook.queues.members import MAX_BRIEFING_S
from offhook.queues.messages import AgentKept
from offhook.queues.orders import EndWait, QueueEnd
from offhook.queues.port import Joined, Key, News, Offer, Parted, TalkOver
from offhook.settings.config import Config
from offhook.settings.queues import QueueConfig
from offhook.testing.virtual_time import run

FIRST, SECOND = Offer("u1", 5.0, 40 * "a", "de"), Offer("u2", 6.0, "bb", "en")


class Agent:
    """A call in which a text takes a second a character."""

    def __init__(self) -> None:
        self.language = "en"
        self.began: list[tuple[str, str]] = []
        self.ended: list[str] = []

    async def say(self, text: str, **_how: object) -> None:
        self.began.append((text, self.language))
        await asyncio.sleep(len(text))
        self.ended.append(text)

    def forget_unasked(self) -> None: ...


class Port:
    """`joins`: who is accepted is connected at once."""

    def __init__(self, *, joins: bool) -> None:
        self._joins = joins
        self._news = NewsBox()
        self.accepted: list[str] = []
        self.declined: list[str] = []
        self.is_closed = False

    def tell(self, news: News) -> None:
        self._news.put(news)

    async def next(self, timeout_s: float | None) -> News | None:
        return await self._news.next(timeout_s)

    def play(self, music: Recording) -> None: ...

    def quiet(self) -> None: ...

    def take(self, queue: str, return_key: str | None) -> None: ...

    def accept(self, offer: Offer) -> None:
        self.accepted.append(offer.caller)
        if self._joins:
            self.tell(Joined(offer.caller))

    def decline(self, offer: Offer) -> None:
        self.declined.append(offer.caller)

    def close(self) -> None:
        self.is_closed = True


def took(*happens: News | float, joins: bool = True, **options: Any) -> tuple[Taken, float, Agent, Port]:
    """What became of it, and when, while this happens; numbers are seconds in between."""

    async def take() -> tuple[Taken, float, Agent, Port]:
        loop = asyncio.get_running_loop()
        agent, port, began, delay_s = Agent(), Port(joins=joins), loop.time(), 0.0
        for each in happens:
            if isinstance(each, int | float):
                delay_s += each
            else:
                delay_s += 0.001  # in this order
                loop.call_later(delay_s, port.tell, each)
        config = QueueConfig.model_validate({"agents": ["anna"]})
        request = TakeRequest("support", **{"wait_s": 300.0, "return_key": "*", **options})
        taken = await Taking(cast("Call", agent), port, config, request, longest_s=1_000).run()
        assert port.is_closed and agent.language == "en"
        return taken, loop.time() - began, agent, port

    return run(take())


def test_a_summary_is_said_in_its_language_before_the_talk() -> None:
    taken, at_s, agent, port = took(FIRST, 50.0, TalkOver())
    assert (taken, port.accepted, agent.ended) == (Taken("u1"), ["u1"], [FIRST.summary])
    assert agent.began == [(FIRST.summary, "de")]
    assert (taken.waited_s, round(taken.talked_s), round(at_s)) == (5.0, 10, 50)


def test_a_summary_is_no_longer_than_the_callers_side_waits_for_it() -> None:
    taken, _, agent, _ = took(Offer("u1", 5.0, 200 * "a"), MAX_BRIEFING_S + 10, TalkOver())
    assert (taken, agent.ended, round(taken.talked_s)) == (Taken("u1"), [], 10)


def test_a_caller_who_is_gone_in_the_summary_ends_it_in_mid_word() -> None:
    taken, at_s, agent, port = took(FIRST, 1.0, Parted(), SECOND, 3.0, TalkOver())
    assert (taken, port.accepted) == (Taken("u2"), ["u2"])
    assert (agent.began, agent.ended) == ([(FIRST.summary, "de"), ("bb", "en")], ["bb"])
    assert (round(taken.talked_s), round(at_s)) == (1, 4)


def test_a_key_of_the_agent_ends_the_wait() -> None:
    taken, at_s, *_ = took(1.0, Key("1"), 1.0, Key("*"))
    assert (taken, round(at_s)) == (Taken(end=TakeEnd.LEFT), 2)


def test_it_ends_a_summary_too_and_the_caller_is_somebody_elses() -> None:
    taken, at_s, agent, port = took(FIRST, 1.0, Key("1"), Key("*"))
    assert (taken, port.declined, port.accepted) == (Taken(end=TakeEnd.LEFT), ["u1"], [])
    assert (agent.ended, round(at_s)) == ([], 1)


@pytest.mark.parametrize("in_summary", [True, False])
@pytest.mark.parametrize(
    "end, told",
    [
        (QueueEnd.NO_AGENTS, TakeEnd.CLOSED),
        (QueueEnd.LEFT, TakeEnd.LEFT),
        (QueueEnd.NOT_POSSIBLE, TakeEnd.NOT_POSSIBLE),
    ],
)
def test_the_owner_of_the_queues_ends_the_wait(end: QueueEnd, told: TakeEnd, in_summary: bool) -> None:
    before: tuple[News | float, ...] = (FIRST, 1.0) if in_summary else ()
    taken, at_s, *_ = took(*before, EndWait("d1", end), Parted())
    assert (taken, round(at_s)) == (Taken(end=told), 1 if in_summary else 0)


def test_who_is_kept_for_a_call_back_waits_for_it() -> None:
    assert took(wait_s=30.0)[:1] == (Taken(end=TakeEnd.TIMEOUT),)
    taken, *_ = took(29.0, AgentKept("d1", 75.0), 50.0, SECOND, 10.0, TalkOver(), wait_s=30.0)
    assert taken == Taken("u2")
    taken, at_s, *_ = took(29.0, AgentKept("d1", 75.0), wait_s=30.0)
    assert (taken, round(at_s)) == (Taken(end=TakeEnd.TIMEOUT), 104)


def test_a_call_in_early_media_is_answered_before_it_takes_anybody() -> None:
    happened: list[str] = []

    async def answer() -> None:
        happened.append("answer")

    def take_caller() -> Port:
        happened.append("take")
        return Port(joins=True)

    async def take() -> Taken:
        queues = SimpleNamespace(take_caller=take_caller)
        config = Config.model_validate({"queues": {"support": {"agents": [], "empty": "wait"}}})
        others = WithOthers(config, cast(CallLog, None), None, cast(CallQueues, queues), lambda why: None)
        call = SimpleNamespace(answered=False, answer=answer)
        return await others.take(cast(Call, call), TakeRequest("support", wait_s=1.0))

    assert run(take()) == Taken(end=TakeEnd.TIMEOUT)
    assert happened == ["answer", "take"]


def test_a_caller_who_is_never_connected_is_left_and_the_agent_waits_on() -> None:
    taken, at_s, _, port = took(SECOND, joins=False, wait_s=60.0)
    assert (taken, port.accepted, port.declined) == (Taken(end=TakeEnd.TIMEOUT), ["u2"], ["u2"])
    assert 2 + JOIN_S < at_s <= 61

"""What a caller in a queue hears and does, by a port that says things in any order, in virtual time."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook.api.call import Call
from offhook.api.queued import Queued, QueueRequest
from offhook.api.queueing import OWNER_S, Waiting
from offhook.calls.built_in_music import built_in_music
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import CallBackKept, CallBackWish, PlaceInQueue
from offhook.queues.orders import EndWait, Place, QueueEnd
from offhook.queues.port import Joined, Key, News, Parted, TalkOver, Whisper
from offhook.settings.queues import QueueConfig
from offhook.testing.virtual_time import run
from offhook.testing.wav_file import wav

SECOND = Place(2, None)
WILL_CALL, CANNOT_CALL = "We will call 2 0 0", "We cannot call that number."


class Caller:
    """A call of 200, in which every sentence takes a second, and "1" is keyed when a number is asked for."""

    def __init__(self) -> None:
        self.language, self.trunk, self.caller = "en", "pbx", "sip:200@pbx"
        self.identities = SimpleNamespace(caller=SimpleNamespace(number="200"))
        self.recorded, self.consent = False, "refused"
        self.said: list[str] = []

    async def say(self, text: str, **_how: object) -> None:
        await asyncio.sleep(1)
        self.said.append(text)

    async def ask(self, text: str, **_how: object) -> Any:
        await self.say(text)
        return SimpleNamespace(digits="1")

    def forget_unasked(self) -> None: ...

    def heard(self, text: str) -> bool:
        return any(text in each for each in self.said)


class Port:
    """`follow` is what happens once a call-back is asked for, in this order; numbers are seconds in between."""

    def __init__(self, *follow: News | float, place: Place | None = SECOND) -> None:
        self._follow, self._place = follow, place
        self._news: deque[News] = deque()
        self._changed = asyncio.Event()
        self.is_closed = False
        self.asked = 0
        self.played: list[Recording] = []

    def tell(self, *news: News) -> None:
        self._news.extend(news)
        self._changed.set()

    def join(
        self,
        queue: str,
        *,
        priority: int,
        ticket: str,
        whisper: Whisper | None,
        summary: str = "",
        language: str = "en",
    ) -> None: ...

    def ask_place(self) -> None:
        self.asked += 1
        self.tell(PlaceInQueue("c1", self._place))

    def want_call_back(self, wish: CallBackWish) -> None:
        assert wish == CallBackWish("200", "en", "", recorded=False, consent="refused")
        delay_s = 0.0
        for each in self._follow:
            if isinstance(each, int | float):
                delay_s += each
            else:
                delay_s += 0.001  # in this order
                asyncio.get_running_loop().call_later(delay_s, self.tell, each)

    async def next(self, timeout_s: float | None) -> News | None:
        if not self._news:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._changed.wait()
            except TimeoutError:
                return None
        return self._news.popleft()

    def play(self, music: Recording) -> None:
        self.played.append(music)

    def quiet(self) -> None: ...

    def close(self, end: QueueEnd | None = None) -> None:
        self.is_closed, self.end = True, end


def waited(
    port: Callable[[], Port], *news: News, offers: bool = True, **options: object
) -> tuple[Queued, Caller, Port]:
    """What became of a wait at which this happens after a second; `offers`: somebody may be called back."""

    async def wait() -> tuple[Queued, Caller, Port]:
        config = QueueConfig.model_validate({"agents": ["anna"], "call_back_key": "1", **options})
        caller, its = Caller(), port()
        if news:
            asyncio.get_running_loop().call_later(1.5, its.tell, *news)
        request = QueueRequest("support")
        result = await Waiting(cast("Call", caller), its, config, request, offers_call_back=offers).run()
        assert its.is_closed
        return result, caller, its

    return run(wait())


KEPT, NOT_KEPT = CallBackKept("c1", True), CallBackKept("c1", False)


@pytest.mark.parametrize(
    "follow",
    [
        (KEPT,),
        (Key("#"), Key("1"), KEPT),
        (Joined("anna"), KEPT, Parted()),
        (Joined("anna"), 0.1, Parted(), 0.1, KEPT),
        (OWNER_S + 3, KEPT),
        (PlaceInQueue("c1", Place(3, None)), KEPT),
    ],
)
def test_a_call_back_is_promised_whatever_comes_before_the_promise(follow: tuple[News | float, ...]) -> None:
    result, caller, _ = waited(lambda: Port(*follow), Key("1"))
    assert result == Queued(end=QueueEnd.CALL_BACK)
    assert caller.heard(WILL_CALL)


@pytest.mark.parametrize("late_s", [0.0, OWNER_S + 3])
def test_who_cannot_be_called_back_waits_on(late_s: float) -> None:
    over = (20.0, EndWait("c1", QueueEnd.TIMEOUT))
    result, caller, _ = waited(lambda: Port(late_s, NOT_KEPT, *over), Key("1"))
    assert result == Queued(end=QueueEnd.TIMEOUT)
    assert caller.heard(CANNOT_CALL) and not caller.heard(WILL_CALL)


@pytest.mark.parametrize("offers", [True, False])
def test_a_call_back_is_offered_where_somebody_may_be_called(offers: bool) -> None:
    _, caller, _ = waited(Port, EndWait("c1", QueueEnd.TIMEOUT), offers=offers)
    assert caller.heard("You are number 2 in the queue.")
    assert caller.heard("To be called back") == offers


def test_an_agent_who_was_quicker_than_the_call_back_has_the_call() -> None:
    follow = (Joined("anna"), NOT_KEPT, 30.0, TalkOver())
    result, caller, _ = waited(lambda: Port(*follow), Key("1"))
    assert result == Queued("anna") and 2 < result.waited_s < 4  # without the talk
    assert not caller.heard(WILL_CALL) and not caller.heard(CANNOT_CALL)


def test_a_place_that_comes_late_breaks_no_question_off() -> None:
    late = PlaceInQueue("c1", Place(4, None))
    result, caller, _ = waited(lambda: Port(KEPT), Key("1"), late)
    assert result == Queued(end=QueueEnd.CALL_BACK)
    assert not caller.heard("You are number 4")


@pytest.mark.parametrize("announce", [True, False])
def test_who_has_no_place_any_more_does_not_wait_for_ever(announce: bool) -> None:
    result, caller, port = waited(lambda: Port(place=None), announce=announce)
    assert result == Queued(end=QueueEnd.NOT_POSSIBLE)
    assert (port.asked, caller.said) == (2, [])


@pytest.mark.parametrize("content", [None, b"RIFF", wav(bytes(2 * 4_000)), wav(b"")])
async def test_music_that_cannot_be_played_is_the_one_that_is_built_in(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "music.wav"
    if content is not None:
        path.write_bytes(content)
    port, config = Port(), QueueConfig(agents=("anna",), music=path)
    waiting = Waiting(cast("Call", Caller()), port, config, QueueRequest("support"))
    port.tell(EndWait("c1", QueueEnd.NO_AGENTS))
    assert await waiting.run() == Queued(end=QueueEnd.NO_AGENTS)
    assert port.played == [built_in_music()]


def test_a_wait_ends_when_nobody_ends_it() -> None:
    result, caller, _ = waited(Port, max_wait_s=600)
    assert result == Queued(end=QueueEnd.TIMEOUT) and 700 < result.waited_s < 720
    assert 10 <= len(caller.said) <= 13  # a minute apart

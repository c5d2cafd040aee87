"""What a caller in a queue hears and does, by a port that says things in any order, in virtual time."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from offhook.api.call import Call
from offhook.api.queued import Queued, QueueRequest, WhileWaiting
from offhook.api.queueing import Waiting
from offhook.api.while_waiting import MUSIC_S, OWNER_S, Standing, Wait
from offhook.calls.built_in_music import built_in_music
from offhook.calls.news_box import NewsBox
from offhook.pipeline.tts.recording import Recording
from offhook.queues.messages import CallBackKept, CallBackWish, PlaceInQueue
from offhook.queues.orders import EndWait, Place, QueueEnd, QueueNow
from offhook.queues.port import Joined, Key, Leaves, News, Parted, TalkOver, Whisper
from offhook.settings.queues import QueueConfig
from offhook.testing.virtual_time import run
from offhook.testing.wav_file import wav

SECOND = Place(2, None)
WILL_CALL, CANNOT_CALL = "We will call 2 0 0", "We cannot call that number."


class Caller:
    """A call of 200, in which every sentence takes a second, and "1" is keyed when a number is asked for."""

    def __init__(self, language: str = "en") -> None:
        self.id, self.language, self.trunk, self.caller = "c1", language, "pbx", "sip:200@pbx"
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
        self._news = NewsBox()
        self.is_closed = False
        self.asked = 0
        self.played: list[Recording] = []

    def tell(self, *news: News) -> None:
        for each in news:
            self._news.put(each)

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
        self.tell(PlaceInQueue("c1", self._place, QueueNow(7, 61.5)))

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
        return await self._news.next(timeout_s)

    def play(self, music: Recording) -> None:
        self.played.append(music)

    def quiet(self) -> None: ...

    def close(self, end: QueueEnd | None = None) -> None:
        self.is_closed, self.end = True, end


def waited(
    port: Callable[[], Port],
    *news: News,
    offers: bool = True,
    hears: WhileWaiting | None = None,
    language: str = "en",
    **options: object,
) -> tuple[Queued, Caller, Port]:
    """What became of a wait at which this happens after a second; `offers`: somebody may be called back, `hears`: what
    the caller hears meanwhile."""

    async def wait() -> tuple[Queued, Caller, Port]:
        config = QueueConfig.model_validate({"agents": ["anna"], "call_back_key": "1", **options})
        caller, its = Caller(language), port()
        if news:
            asyncio.get_running_loop().call_later(1.5, its.tell, *news)
        request = QueueRequest("support", while_waiting=hears)
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


def test_a_caller_hears_the_language_of_the_call() -> None:
    comfort = {"en": "Thank you.", "de": "Vielen Dank."}
    _, caller, _ = waited(Port, language="de", comfort=comfort, max_wait_s=600)
    assert caller.heard("Sie sind auf Platz 2") and caller.heard("Vielen Dank.") and caller.heard("zurückgerufen")
    assert not caller.heard("You are") and not caller.heard("Thank you.")


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


# --- what a dialog says meanwhile


class Hears:
    """A `while_waiting` whose rounds take `seconds`. `began` has when, `broken_off` whether the last one was."""

    def __init__(self, seconds: float, *, leaves_in: int = 0, gives_up: bool = False, fails: bool = False) -> None:
        self._seconds, self._leaves_in, self._gives_up, self._fails = seconds, leaves_in, gives_up, fails
        self.began: list[float] = []
        self.standings: list[Standing | None] = []
        self.broken_off = False

    async def __call__(self, wait: Wait) -> None:
        self.began.append(wait.waited_s)
        self.standings.append(await wait.standing())
        self.broken_off = True
        await asyncio.sleep(self._seconds)
        self.broken_off = False
        if self._fails:
            raise ValueError("for a test")
        if len(self.began) == self._leaves_in:
            wait.leave(gives_up=self._gives_up)


def test_it_is_begun_again_until_it_leaves() -> None:
    hears = Hears(5, leaves_in=3)
    result, caller, port = waited(Port, hears=hears)
    assert (result, port.end) == (Queued(end=QueueEnd.LEFT), QueueEnd.LEFT)
    assert hears.began == pytest.approx([0, 5, 10]) and 14.9 <= result.waited_s < 15.1
    assert hears.standings == [Standing(2, None, 7, 61.5)] * 3
    assert (caller.said, port.played) == ([], [])


def test_who_gives_up_does_not_go_on_elsewhere() -> None:
    result, _, port = waited(Port, hears=Hears(5, leaves_in=1, gives_up=True))
    assert (result, port.end) == (Queued(end=QueueEnd.LEFT), None)


def test_who_leaves_when_an_agent_answers_leaves_once_the_agent_parts() -> None:
    result, _, _ = waited(Port, Joined("anna"), Leaves(), Parted(), hears=Hears(30))
    assert result == Queued(end=QueueEnd.LEFT) and result.waited_s < 2
    result, _, _ = waited(Port, Joined("anna"), Leaves(), TalkOver(), hears=Hears(30))
    assert result == Queued("anna")


def test_an_agent_breaks_it_off() -> None:
    hears = Hears(30)
    result, _, _ = waited(Port, Joined("anna"), TalkOver(), hears=hears)
    assert result == Queued("anna") and hears.broken_off and len(hears.began) == 1


@pytest.mark.parametrize("cleans_up", [True, False])
def test_an_agent_is_not_kept_by_what_it_does_at_its_end(cleans_up: bool) -> None:
    began = 0

    async def stubborn(_wait: Wait) -> None:
        nonlocal began
        began += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if cleans_up:
                await asyncio.Event().wait()  # as a sentence, while the two talk

    result, _, _ = waited(Port, Joined("anna"), TalkOver(), hears=stubborn)
    assert result == Queued("anna") and began == 1


def test_behind_an_agent_who_parts_it_begins_anew() -> None:
    hears = Hears(30, leaves_in=2)
    result, _, _ = waited(Port, Joined("anna"), Parted(), hears=hears)
    assert result == Queued(end=QueueEnd.LEFT) and hears.began == pytest.approx([0, 1.5])


def test_keys_of_the_queue_do_nothing_then() -> None:
    hears = Hears(10, leaves_in=1)
    result, caller, _ = waited(Port, Key("0"), Key("1"), hears=hears, leave_key="0")
    assert result == Queued(end=QueueEnd.LEFT) and result.waited_s >= 9.9
    assert caller.said == []


def test_what_is_over_at_once_is_no_busy_loop() -> None:
    hears = Hears(0, leaves_in=4)
    result, _, port = waited(Port, hears=hears)
    assert result == Queued(end=QueueEnd.LEFT)
    assert hears.began == pytest.approx([0, MUSIC_S, 2 * MUSIC_S, 3 * MUSIC_S])
    assert len(port.played) == 3


def test_where_it_fails_the_caller_hears_the_music() -> None:
    hears = Hears(2, fails=True)
    result, _, port = waited(Port, hears=hears, max_wait_s=30)
    assert result.end is QueueEnd.TIMEOUT
    assert (len(hears.began), len(port.played)) == (1, 1)


def test_who_has_no_place_is_lost_with_it_too() -> None:
    result, _, _ = waited(lambda: Port(place=None), hears=Hears(5))
    assert result == Queued(end=QueueEnd.NOT_POSSIBLE)

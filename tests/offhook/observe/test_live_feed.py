import asyncio
from time import monotonic

import numpy as np
import pytest

from offhook.observe import live_feed
from offhook.observe.live_events import LiveEvent, describe
from offhook.observe.live_feed import CallWatch, LiveCall, LiveFeed, peak_table, peaks_of
from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotSpoke,
    CallerAnswered,
    CallerIgnored,
    CallerPartial,
    CallerTyped,
    KeyPressed,
    Mark,
    ModelAsked,
    ModelReplied,
    ModelWrote,
    ToolRan,
    TurnTrace,
    TurnTraced,
)
from offhook.pipeline.tts.engine import Word
from offhook.telephony.codec import codec_named
from tests.offhook.lines import ScriptedLine

ABOUT = LiveCall("sip:a@example.org", "sip:bot@example.org", "abc", "udp", "2026-01-01T00:00:00Z")


class Page:
    def __init__(self) -> None:
        self.reported: list[tuple[str, LiveEvent]] = []

    def publish(self, call: str, event: LiveEvent) -> None:
        self.reported.append((call, event))

    def kinds(self) -> list[str]:
        return [event["kind"] for _, event in self.reported]


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def feed(page: Page) -> LiveFeed:
    return LiveFeed(page.publish)


@pytest.fixture
def call(feed: LiveFeed) -> CallWatch:
    return feed.begin("one", ABOUT, 100.0)


def test_nothing_is_reported_while_nobody_watches(page: Page, call: CallWatch) -> None:
    call.on_event(BotSpoke("Hello.", 101.0))
    call.report("answered")
    assert page.reported == []


async def test_a_new_viewer_gets_the_call_from_its_beginning(page: Page, feed: LiveFeed, call: CallWatch) -> None:
    call.on_event(BotSpoke("Hello.", 101.5))
    call.on_event(CallerPartial("che", 102.0))
    feed.watch(frozenset())
    ((uniqueid, begun),) = page.reported
    assert (uniqueid, begun["kind"]) == ("one", "begun")
    assert (begun["caller"], begun["called"], begun["call_id"]) == (ABOUT.caller, ABOUT.called, "abc")
    assert begun["so_far"] == [{"kind": "bot", "at": 1.5, "text": "Hello."}]
    call.on_event(KeyPressed(103.0))
    assert page.kinds() == ["begun", "key"]


async def test_another_focus_tells_nothing_twice(page: Page, feed: LiveFeed, call: CallWatch) -> None:
    feed.watch(frozenset())
    feed.watch(frozenset({"one"}))
    assert page.kinds() == ["begun"]
    call.on_event(CallerPartial("check", 102.0))
    feed.watch(frozenset({"another"}))
    call.on_event(CallerPartial("check my", 102.1))
    assert page.kinds() == ["begun", "partial"]


async def test_reporting_stops_with_the_last_viewer(page: Page, feed: LiveFeed, call: CallWatch) -> None:
    feed.watch(frozenset({"one"}))
    feed.watch(None)
    call.on_event(BotSpoke("Hello.", 101.0))
    assert page.kinds() == ["begun"]
    feed.watch(frozenset())
    assert page.kinds() == ["begun", "begun"]


async def test_the_end_is_reported_and_the_timeline_kept(page: Page, feed: LiveFeed, call: CallWatch) -> None:
    call.on_event(BotSpoke("Hello.", 101.0))
    call.on_event(CallerPartial("che", 102.0))
    timeline = call.end("caller", "caller hung up")
    assert [event["kind"] for event in timeline] == ["bot", "ended"]
    assert timeline[-1]["reason"] == "caller hung up"
    feed.watch(frozenset())
    assert page.reported == []


def test_a_long_call_forgets_its_beginning(call: CallWatch) -> None:
    for second in range(live_feed.MAX_KEPT_EVENTS + 10):
        call.on_event(KeyPressed(100.0 + second))
    timeline = call.timeline()
    assert len(timeline) == live_feed.MAX_KEPT_EVENTS
    assert timeline[0]["at"] == 10.0


def test_pressed_keys_are_counted_and_never_reported() -> None:
    answer = Answer(AnswerKind.DTMF, digits="4711")
    described = describe(CallerAnswered(answer, 105.0), 100.0)
    assert described == {
        "kind": "answer",
        "at": 5.0,
        "answer": "dtmf",
        "text": "",
        "choice": None,
        "keys": 4,
        "confidence": None,
        "typed": False,
    }
    assert "4711" not in repr(described)


def test_recognised_words_come_with_their_times() -> None:
    words = (RecognisedWord("my", 0.2, 0.4, 0.9), RecognisedWord("balance", 0.4, 1.00049))
    described = describe(CallerAnswered(Answer(AnswerKind.SPEECH, "my balance"), 105.0, 103.0, words), 100.0)
    assert described["words"] == [["my", 0.2, 0.4, 0.9], ["balance", 0.4, 1.0, None]]


def test_typed_lines_and_what_was_ignored() -> None:
    assert describe(CallerTyped("hello", 105.0), 100.0) == {"kind": "typed", "at": 5.0, "text": "hello"}
    assert describe(CallerIgnored("hello", 105.0, 102.0, 1.0, typed=True), 100.0) == {
        "kind": "ignored",
        "at": 5.0,
        "from": 2.0,
        "text": "hello",
        "confidence": 1.0,
        "typed": True,
    }
    answer = Answer(AnswerKind.SPEECH, "hello", confidence=1.0, typed=True)
    assert describe(CallerAnswered(answer, 105.0), 100.0)["typed"] is True


def test_what_was_played_comes_with_the_places_of_its_words() -> None:
    words = (Word("Hello", 0, 5, 0, 4_000), Word("there", 6, 11, 4_000, 8_000))
    described = describe(BotHeard(Playback("Hello", "there", True), 102.0, words), 100.0)
    assert described["words"] == [[0, 5, 0.0, 0.5], [6, 11, 0.5, 1.0]]
    assert (described["heard"], described["unheard"], described["interrupted"]) == ("Hello", "there", True)


def test_a_turn_has_its_stages() -> None:
    trace = TurnTrace()
    for mark, at in [(Mark.SPEECH_ENDED, 1.0), (Mark.TURN_ENDED, 1.5), (Mark.TRANSCRIBED, 1.52), (Mark.SENT, 1.6)]:
        trace.mark(mark, 100 + at)
    described = describe(TurnTraced(trace, 101.6), 100.0)
    assert described["response_ms"] == 600.0
    assert described["stages_ms"] == {"endpoint": 500.0, "recogniser": 20.0, "line": 80.0}
    assert (described["speech_ended_at"], described["turn_ended_at"]) == (1.0, 1.5)


def test_endless_text_is_cut() -> None:
    assert len(describe(BotSpoke("x" * 10_000, 1.0), 0.0)["text"]) == 4_000


def test_a_barge_in_says_how_fast() -> None:
    described = describe(BargedIn(104.6, Playback("Your", "balance", True), 101.0), 100.0)
    assert described == {"kind": "barge_in", "at": 1.0, "silent_ms": 105, "heard": "Your", "unheard": "balance"}


async def test_levels_of_both_sides_are_reported_while_looked_at(page: Page, feed: LiveFeed) -> None:
    call = feed.begin("one", ABOUT, 100.0)
    line = ScriptedLine("PCMU")
    heard: list[int] = []
    line.add_listener(audio=lambda pcm, at, _at_s: heard.append(at))
    call.attach(line)  # type: ignore[arg-type]  # all of a line that is used
    loud, quiet = (16_000).to_bytes(2, "little", signed=True) * 160, bytes(320)
    for step in range(26):
        now = 100.001 + 0.02 * step
        assert len(line.listeners.audio) == (1 if step <= 5 else 2), "nobody measures before somebody looks"
        if step == 5:
            feed.watch(frozenset({"one"}))
        line.receive(loud if step < 10 else quiet, 160 * step, now + 0.02)
        line.send(codec_named("PCMU").encode(quiet if step < 10 else loud), 160 * step, now)
    feed.watch(frozenset())
    assert len(line.listeners.audio) == 1 and not line.listeners.sent
    assert heard == [160 * step for step in range(26)]
    levels = [event for _, event in page.reported if event["kind"] == "levels"]
    assert [event["at"] for event in levels] == [0.1, 0.2, 0.3]
    assert levels[0]["caller"] == [125, 125]
    assert levels[0]["bot"] == [0, 0]
    assert levels[1]["caller"] == [0, 0]
    assert min(levels[1]["bot"]) > 120


@pytest.mark.parametrize("told_every", [1, 3])
async def test_levels_are_placed_where_they_passed_however_late_reported(
    page: Page, feed: LiveFeed, told_every: int
) -> None:
    call = feed.begin("one", ABOUT, 100.0)
    feed.watch(frozenset({"one"}))
    line = ScriptedLine("PCMU")
    call.attach(line)  # type: ignore[arg-type]  # all of a line that is used
    for first in range(0, 60, told_every):
        steps = range(first, first + told_every)
        for step in steps:
            line.send(bytes([0x80 if step % 5 == 0 else 0xFF]) * 160, 160 * step, 100.001 + 0.02 * step)
        loud = [(16_000 if step < 30 else 100).to_bytes(2, "little") * 160 for step in steps]
        line.receive(b"".join(loud), 160 * first, 100.001 + 0.02 * (first + told_every))
    levels = [event for _, event in page.reported if event["kind"] == "levels"]
    assert [event["at"] for event in levels] == [round(0.1 * n, 3) for n in range(len(levels))]
    assert len(levels) >= 9
    caller = [peak for event in levels for peak in event["caller"]]
    assert caller[:18] == [125] * 12 + [0] * 6
    bot = [peak > 100 for event in levels for peak in event["bot"]]
    assert bot[:18] == [True, False] * 9


async def test_a_hole_in_the_audio_is_no_level(page: Page, feed: LiveFeed) -> None:
    call = feed.begin("one", ABOUT, 100.0)
    feed.watch(frozenset({"one"}))
    line = ScriptedLine("PCMU")
    call.attach(line)  # type: ignore[arg-type]  # all of a line that is used
    for at in (0.01, 0.06, 3.01, 3.06, 3.11, 3.16, 3.21, 3.26):
        line.receive(bytes(320), 0, 100.02 + at)
    assert [event["at"] for _, event in page.reported if event["kind"] == "levels"] == [0.0, 3.0]


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA"])
def test_the_peak_of_a_payload_is_its_samples(encoding: str) -> None:
    table = peak_table(encoding)
    for value in (0, 500, -8_000, 30_000):
        payload = codec_named(encoding).encode(value.to_bytes(2, "little", signed=True))
        assert abs(payload.translate(table)[0] - abs(value) / 128) <= 5


async def test_a_call_that_begins_while_watched_is_reported_at_once(page: Page, feed: LiveFeed) -> None:
    feed.watch(frozenset())
    feed.begin("two", ABOUT, monotonic())
    assert page.kinds() == ["begun"]


async def test_many_calls_are_reported_one_after_the_other(page: Page, feed: LiveFeed) -> None:
    calls = {name: feed.begin(name, ABOUT, monotonic()) for name in ("one", "two", "three", "four")}
    feed.watch(frozenset())
    assert len(page.reported) == 1
    calls["two"].end("caller", "caller hung up")
    calls["three"].on_event(KeyPressed(monotonic()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert [name for name, _ in page.reported] == ["one", "three", "four"]
    assert [event["kind"] for event in page.reported[1][1]["so_far"]] == ["key"]


async def test_audio_sent_at_once_is_metered_piece_by_piece(page: Page, feed: LiveFeed) -> None:
    call = feed.begin("one", ABOUT, 100.0)
    feed.watch(frozenset({"one"}))
    line = ScriptedLine("PCMU")
    call.attach(line)  # type: ignore[arg-type]  # all of a line that is used
    loud = codec_named("PCMU").encode((16_000).to_bytes(2, "little", signed=True) * 1_600)
    line.send(loud, 0, 100.001)
    for step in range(25):
        line.receive(bytes(320), 160 * step, 100.021 + 0.02 * step)
    bot = [peak for _, event in page.reported if event["kind"] == "levels" for peak in event["bot"]]
    assert [peak > 100 for peak in bot] == [True, True, True, True, False, False]


def test_the_peaks_of_a_wide_line() -> None:
    peaks = peaks_of("LINEAR16")
    assert peaks(np.array([0, -16_384, 100], "<i2").tobytes()) == 128
    assert peaks(np.array([-32_768], "<i2").tobytes()) == 255
    assert peaks_of("PCMU")(codec_named("PCMU").encode(np.array([0, -16_764], "<i2").tobytes())) == 130


async def test_a_reply_that_grows_is_for_those_who_look_at_the_call(
    page: Page, feed: LiveFeed, call: CallWatch
) -> None:
    call.on_event(ModelAsked("openai/m", "my balance", 101.0))
    call.on_event(ModelWrote("You", 101.0, 101.2))
    feed.watch(frozenset())
    await asyncio.sleep(0)
    call.on_event(ModelWrote("You have", 101.0, 101.3))
    assert page.kinds() == ["begun"]
    feed.watch(frozenset(["one"]))
    call.on_event(ModelWrote("You have ten", 101.0, 101.4))
    assert page.reported[-1] == ("one", {"kind": "writing", "at": 1.4, "asked": 1.0, "text": "You have ten"})
    call.on_event(ModelReplied("openai/m", "You have ten.", 0.2, 0.5, 101.5, 100, 80, 4, 0.00125))
    replied = page.reported[-1][1]
    assert (replied["asked"], replied["first_token_ms"], replied["ms"], replied["cost"]) == (1.0, 200, 500, 0.00125)
    assert replied["tokens"] == {"input": 100, "cached": 80, "output": 4}
    assert [event["kind"] for event in call.timeline()] == ["asked", "replied"]


def test_of_a_tool_s_result_only_the_length_is_shown() -> None:
    shown = describe(ToolRan("look_up", '{"n":1}', "ten dollars", 0.5, 101.0), 100.0)
    assert "ten dollars" not in repr(shown)
    assert (shown["name"], shown["arguments"], shown["result_chars"], shown["ms"]) == ("look_up", '{"n":1}', 11, 500)

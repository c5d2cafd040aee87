"""A chain of recognisers that stall, fail and lie, in virtual time."""

import asyncio
from dataclasses import replace

import pytest

from offhook.pipeline.asr.engine import USUAL, AsrRequest, EndpointReport, Thresholds
from offhook.pipeline.chain.asr import ChainAsr, ChainStream
from offhook.pipeline.chain.breaker import HOLD_S
from offhook.pipeline.chain.spending import Budget, CallMeter, EngineUse, Limits, Outcome
from offhook.pipeline.errors import EngineError
from offhook.testing.virtual_time import run
from tests.pipeline.chain.scripted import ASR_LIMITS, FOREVER_S, PACKET, ScriptedAsr, a_moment, asr_chain

SAID = "check my balance please"


async def talk(stream: ChainStream, seconds: float = 2.0) -> None:
    """A caller, in real (virtual) time."""
    for _ in range(round(seconds / 0.02)):
        stream.feed(PACKET)
        await asyncio.sleep(0.02)


async def turn(chain: ChainAsr, seconds: float = 2.0, request: AsrRequest | None = None) -> tuple[str, float]:
    """What is understood, and how long that took after the end of the turn."""
    stream = chain.open(request or AsrRequest(), lambda text: None)
    await talk(stream, seconds)
    began = asyncio.get_running_loop().time()
    text = (await stream.finish()).text
    return text, round(asyncio.get_running_loop().time() - began, 3)


def with_uses(chain: ChainAsr) -> tuple[ChainAsr, list[EngineUse]]:
    uses: list[EngineUse] = []
    return chain.for_call(CallMeter(uses.append)), uses


def nothing_is_left(*engines: ScriptedAsr) -> bool:
    return not any(engine.open_streams for engine in engines) and len(asyncio.all_tasks()) == 1


def test_one_that_works_is_alone() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", SAID), ScriptedAsr("second", "nonsense")
        chain, uses = with_uses(asr_chain(first, second))
        assert await turn(chain) == (SAID, 0.05)
        assert not second.streams
        (use,) = uses
        assert (use.engine, use.outcome, use.why) == ("first", Outcome.ANSWERED, "")
        assert use.spent.audio_s == pytest.approx(2.0)
        assert nothing_is_left(first, second)
        assert not chain.running

    run(main())


@pytest.mark.parametrize(
    ("first", "added_s", "outcome"),
    [
        pytest.param(ScriptedAsr("first", refuses=True), 0.05, Outcome.FAILED, id="refuses"),
        pytest.param(ScriptedAsr("first", breaks_after_s=1.0), 0.05, Outcome.FAILED, id="breaks in the turn"),
        pytest.param(ScriptedAsr("first", fails=True, answer_s=0.1), 0.15, Outcome.FAILED, id="fails at the end"),
        pytest.param(ScriptedAsr("first", answer_s=FOREVER_S), 0.55, Outcome.LATE, id="never answers"),
        pytest.param(ScriptedAsr("first", "late", answer_s=1.0), 0.55, Outcome.LATE, id="answers late"),
        pytest.param(
            ScriptedAsr("first", answer_s=FOREVER_S, partials=False), 0.55, Outcome.LATE, id="has no partials"
        ),
    ],
)
def test_the_second_gets_the_turn_from_its_start(first: ScriptedAsr, added_s: float, outcome: Outcome) -> None:
    async def main() -> None:
        first.streams.clear()
        second = ScriptedAsr("second", SAID)
        chain, uses = with_uses(asr_chain(first, second))
        assert await turn(chain) == (SAID, added_s)
        (stream,) = second.streams
        assert stream.seconds == pytest.approx(2.0)
        assert {use.engine: use.outcome for use in uses} == {"first": outcome, "second": Outcome.ANSWERED}
        assert next(use.why for use in uses if use.engine == "second").startswith("first: ")
        await asyncio.sleep(0)
        assert nothing_is_left(first, second)

    run(main())


@pytest.mark.parametrize(("fails", "thresholds"), [(False, USUAL), (True, Thresholds(0.1, 0.8))])
def test_the_thresholds_are_those_of_the_one_that_answers(fails: bool, thresholds: Thresholds) -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", SAID, fails=fails), ScriptedAsr("second", SAID)
        chain = asr_chain(first, second, thresholds={"second": Thresholds(0.1, 0.8)})
        stream = chain.for_call(CallMeter()).open(AsrRequest(), lambda text: None)
        await talk(stream)
        assert (await stream.finish()).thresholds == thresholds

    run(main())


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_final_that_nobody_waits_for_yet_starts_no_other_engine(goes_on: bool) -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", SAID, answer_s=FOREVER_S), ScriptedAsr("second", SAID)
        chain = asr_chain(first, second)
        stream = chain.open(AsrRequest(), lambda text: None)
        await talk(stream)
        forced = asyncio.ensure_future(stream.force())
        await asyncio.sleep(3.0)
        assert not second.streams
        if goes_on:
            stream.cancel()
            await asyncio.gather(forced, return_exceptions=True)
            assert not second.streams
        else:
            stream.concluded()
            assert (await forced).text == SAID
            assert len(second.streams) == 1
        await a_moment()
        assert nothing_is_left(first, second)

    run(main())


def test_one_that_goes_silent_in_the_turn_is_joined_before_its_end() -> None:
    async def main() -> None:
        first = ScriptedAsr("first", SAID, partials_end_s=1.0, answer_s=FOREVER_S)
        second = ScriptedAsr("second", SAID)
        assert await turn(asr_chain(first, second), 5.0) == (SAID, 0.05), "it had the whole turn already"

    run(main())


def test_partials_come_from_one_engine_at_a_time() -> None:
    async def main() -> None:
        first = ScriptedAsr("first", "a b c d e f g h", partials_end_s=0.4, answer_s=FOREVER_S)
        second = ScriptedAsr("second", "one two three four five six seven eight nine ten eleven twelve thirteen")
        chain = asr_chain(first, second)
        partials: list[str] = []
        stream = chain.open(AsrRequest(), partials.append)
        await talk(stream, 4.0)
        assert partials == ["a", "a b"], "the first leads as long as it has not failed"
        assert len(second.streams) == 1
        stream.cancel()

        first.breaks_after_s = 0.5
        partials.clear()
        stream = chain.open(AsrRequest(), partials.append)
        await talk(stream, 1.0)
        assert partials[:2] == ["a", "a b"]
        assert partials[-1] == "one two three four five"
        stream.cancel()
        assert nothing_is_left(first, second)

    run(main())


def test_one_that_comes_back_to_life_goes_on_alone() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", SAID, partials=True, partials_end_s=0.0), ScriptedAsr("second", "nonsense")
        chain, uses = with_uses(asr_chain(first, second))
        stream = chain.open(AsrRequest(), lambda text: None)
        await talk(stream, 2.5)
        assert second.open_streams == 1
        first.partials_end_s = FOREVER_S
        await talk(stream, 0.5)
        assert second.open_streams == 0
        assert (await stream.finish()).text == SAID
        assert [(use.engine, use.outcome) for use in uses] == [
            ("second", Outcome.CANCELLED),
            ("first", Outcome.ANSWERED),
        ]

    run(main())


def test_all_are_down() -> None:
    async def main() -> None:
        engines = [
            ScriptedAsr("one", refuses=True),
            ScriptedAsr("two", breaks_after_s=0.5),
            ScriptedAsr("three", fails=True),
        ]
        chain = asr_chain(*engines)
        with pytest.raises(EngineError, match=r"one: .*two: .*three: finishing: internal error"):
            await turn(chain)
        assert nothing_is_left(*engines)
        mute = ScriptedAsr("mute", answer_s=FOREVER_S)
        stream = asr_chain(mute, ScriptedAsr("other", answer_s=FOREVER_S)).open(AsrRequest(), lambda text: None)
        answer = asyncio.ensure_future(stream.finish())
        await asyncio.sleep(3.0)
        stream.cancel()
        with pytest.raises(EngineError, match="cancelled"):
            await answer

    run(main())


def test_the_third_is_there_when_the_second_stalls_too() -> None:
    async def main() -> None:
        engines = [
            ScriptedAsr("one", answer_s=FOREVER_S),
            ScriptedAsr("two", answer_s=FOREVER_S),
            ScriptedAsr("three", SAID),
        ]
        assert await turn(asr_chain(*engines)) == (SAID, 1.05)
        await asyncio.sleep(0)
        assert nothing_is_left(*engines)

    run(main())


@pytest.mark.parametrize("when_s", [0.01, 0.6, 1.2])
def test_cancelling_a_race_leaves_nothing(when_s: float) -> None:
    async def main() -> None:
        engines = [
            ScriptedAsr("one", answer_s=FOREVER_S),
            ScriptedAsr("two", answer_s=FOREVER_S),
            ScriptedAsr("three", answer_s=FOREVER_S),
        ]
        chain, uses = with_uses(asr_chain(*engines))
        stream = chain.open(AsrRequest(), lambda text: None)
        await talk(stream, 1.0)
        answer = asyncio.ensure_future(stream.finish())
        await asyncio.sleep(when_s)
        answer.cancel()  # as a call does that ends
        await asyncio.gather(answer, return_exceptions=True)
        stream.cancel()
        stream.cancel()
        await asyncio.sleep(0)
        assert nothing_is_left(*engines)
        assert not chain.running
        assert {use.outcome for use in uses} == {Outcome.CANCELLED}

    run(main())


def test_closing_ends_turns() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first"), ScriptedAsr("second")
        chain = asr_chain(first, second)
        await chain.start()
        chain.open(AsrRequest(), lambda text: None)
        chain.for_call(CallMeter()).open(AsrRequest(), lambda text: None)
        await chain.close()
        assert nothing_is_left(first, second)
        assert first.closed and second.closed

    run(main())


def test_what_only_one_knows_goes_to_that_one() -> None:
    async def main() -> None:
        english = ScriptedAsr("english", languages=("en",), grammar=False)
        german = ScriptedAsr("german", "Kontostand", languages=("de", "en"), free_speech=False)
        chain = asr_chain(english, german, language="en")
        assert chain.capabilities.languages == ("en", "de")
        assert chain.capabilities.grammar and chain.capabilities.free_speech
        assert (await turn(chain, request=AsrRequest("#JSGF", language="de")))[0] == "Kontostand"
        assert german.streams[0].request.language == "de"
        assert not english.streams
        await turn(chain, request=AsrRequest(language="en"))
        assert len(german.streams) == 1, "it takes grammars only"
        with pytest.raises(EngineError, match="language"):
            chain.open(AsrRequest("#JSGF", language="fr"), lambda text: None)

    run(main())


def test_audio_is_converted_for_the_others() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", fails=True), ScriptedAsr("second", SAID, rate_hz=16_000)
        chain = asr_chain(first, second)
        assert chain.capabilities.rate_hz == 8_000
        assert (await turn(chain))[0] == SAID
        assert second.streams[0].seconds == pytest.approx(2.0, abs=0.01)

    run(main())


def test_reports_of_the_end_are_the_leading_ones() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", ends_turns=True), ScriptedAsr("second", ends_turns=True)
        chain = asr_chain(first, second)
        assert chain.capabilities.ends_turns
        reports: list[EndpointReport] = []
        stream = chain.open(AsrRequest(), lambda text: None, reports.append)
        await talk(stream, 0.5)
        first.streams[0].report("likely")
        assert reports == ["likely"]
        stream.cancel()
        first.streams[0].report("over")
        assert reports == ["likely"]

    run(main())


def test_a_breaker_passes_over_and_a_probe_costs_no_caller_time() -> None:
    async def main() -> None:
        await a_moment()
        first, second = ScriptedAsr("first", SAID, answer_s=FOREVER_S, partials=False), ScriptedAsr("second", SAID)
        chain = asr_chain(first, second)
        assert [await turn(chain) for _ in range(3)] == [(SAID, 0.55)] * 3
        assert await turn(chain) == (SAID, 0.05)
        assert len(first.streams) == 3, "passed over"
        await asyncio.sleep(HOLD_S)
        assert await turn(chain) == (SAID, 0.05), "both have the turn"
        assert len(first.streams) == 4 and first.open_streams == 1
        assert await turn(chain) == (SAID, 0.05)
        assert len(first.streams) == 4, "one probe at a time"
        await asyncio.sleep(6.0)
        assert first.open_streams == 0, "the probe was too slow"
        await asyncio.sleep(2 * HOLD_S)
        first.answer_s = 0.2
        assert await turn(chain) == (SAID, 0.05)
        await asyncio.sleep(1.0)
        assert await turn(chain) == (SAID, 0.2), "the probe succeeded: the first is used again"
        assert nothing_is_left(first, second)

    run(main())


def test_the_last_engine_is_tried_though_its_breaker_is_open() -> None:
    async def main() -> None:
        await a_moment()
        first = ScriptedAsr("first", SAID, fails=True)
        chain = asr_chain(first)
        for _ in range(5):
            with pytest.raises(EngineError, match="internal error"):
                await turn(chain)
        first.fails = False
        assert (await turn(chain))[0] == SAID

    run(main())


def test_budgets() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", "a"), ScriptedAsr("second", "b")
        dear = replace(ASR_LIMITS, price_per_minute=0.6, per_call=Budget(audio_s=3.0), per_day=Budget(cost=0.07))
        chain = asr_chain(first, second, limits=[dear])
        one, uses = with_uses(chain)
        assert [(await turn(one))[0] for _ in range(3)] == ["a", "a", "b"]
        assert uses[-1].why == "first: 3 s of audio, its budget for a call, is used up"
        other, uses = with_uses(chain)
        assert [(await turn(other))[0] for _ in range(3)] == ["a", "a", "b"]
        third, uses = with_uses(chain)
        assert (await turn(third))[0] == "b"
        assert uses[-1].why == "first: a cost of 0.07, its budget for a day, is used up"
        alone = asr_chain(first, limits=[Limits(per_call=Budget(audio_s=1.0))]).for_call(CallMeter())
        await turn(alone)
        with pytest.raises(EngineError, match="its budget for a call, is used up"):
            alone.open(AsrRequest(), lambda text: None)

    run(main())


def test_a_chain_starts_with_those_that_start() -> None:
    async def main() -> None:
        first, second = ScriptedAsr("first", "a", starts=False), ScriptedAsr("second", "b")
        chain = asr_chain(first, second)
        await chain.start()
        assert "its key is wrong" in str(chain.members[0].problem)
        assert (await turn(chain))[0] == "b"
        first.starts = True
        await asyncio.sleep(10.0)
        assert (await turn(chain))[0] == "a", "it is tried again"
        await chain.close()
        assert nothing_is_left(first, second)
        second.starts = first.starts = False
        with pytest.raises(EngineError, match="first: starting: its key is wrong"):
            await asr_chain(first, second).start()

    run(main())

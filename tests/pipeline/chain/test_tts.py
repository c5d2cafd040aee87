"""A chain of voices that stall, fail and end too early, in virtual time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from offhook.pipeline.chain.breaker import HOLD_S
from offhook.pipeline.chain.member import Member
from offhook.pipeline.chain.spending import Budget, CallMeter, EngineUse, Limits, Outcome
from offhook.pipeline.chain.tts import ChainTts
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.cache import ClipCache
from offhook.pipeline.tts.engine import SpeechChunk, TtsEngine
from offhook.pipeline.tts.voice import Voice
from offhook.telephony.resample import Resampler
from offhook.testing.simulated_engines import SimulatedVoice
from offhook.testing.virtual_time import run
from tests.pipeline.chain.scripted import FOREVER_S, TTS_LIMITS, WORD_SAMPLES, ScriptedTts, a_moment, tts_chain

TEXT = "Your appointment is on Monday, the third, at half past four."
WORDS = TEXT.split()


async def spoken(chain: ChainTts, text: str = TEXT) -> tuple[list[SpeechChunk], float]:
    """The chunks, and when the first one came."""
    loop, chunks, first_s = asyncio.get_running_loop(), list[SpeechChunk](), 0.0
    began = loop.time()
    async for chunk in chain.synthesize(text):
        if not chunks:
            first_s = round(loop.time() - began, 3)
        chunks.append(chunk)
    return chunks, first_s


def words_of(chunks: Sequence[SpeechChunk]) -> list[str]:
    return [word.text for chunk in chunks for word in chunk.words]


def voices_of(chunks: Sequence[SpeechChunk]) -> list[int]:
    """The value of each run of samples."""
    audio = b"".join(chunk.pcm for chunk in chunks)
    values = list(memoryview(audio).cast("H"))
    return [value for at, value in enumerate(values) if not at or values[at - 1] != value]


def check_positions(chunks: Sequence[SpeechChunk], text: str = TEXT) -> None:
    """Words are in order, where they are said, and within the audio given with them."""
    given, last = 0, 0
    for chunk in chunks:
        given += len(chunk.pcm) // 2
        for word in chunk.words:
            assert text[word.char_start : word.char_end] == word.text
            assert last <= word.start_sample < word.end_sample <= given
            last = word.end_sample


def with_uses(chain: ChainTts) -> tuple[ChainTts, list[EngineUse]]:
    uses: list[EngineUse] = []
    return chain.for_call(CallMeter(uses.append)), uses


def nothing_is_left(*voices: ScriptedTts) -> bool:
    return not any(voice.working for voice in voices) and len(asyncio.all_tasks()) == 1


def test_one_that_works_is_alone() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first"), ScriptedTts("second", 2)
        chain, uses = with_uses(tts_chain(first, second))
        chunks, first_s = await spoken(chain)
        assert words_of(chunks) == WORDS
        assert voices_of(chunks) == [1]
        assert first_s == 0.05
        assert not second.texts
        assert all(chunk.keep for chunk in chunks)
        (use,) = uses
        assert (use.engine, use.outcome, use.spent.characters) == ("first", Outcome.ANSWERED, len(TEXT))
        assert nothing_is_left(first, second)

    run(main())


@pytest.mark.parametrize(
    ("first", "first_s", "outcome"),
    [
        pytest.param(ScriptedTts("first", fails_after=0), 0.1, Outcome.FAILED, id="fails at once"),
        pytest.param(ScriptedTts("first", ends_after=0), 0.1, Outcome.FAILED, id="gives nothing"),
        pytest.param(ScriptedTts("first", first_s=FOREVER_S), 0.45, Outcome.LATE, id="never begins"),
        pytest.param(ScriptedTts("first", first_s=0.6), 0.45, Outcome.LATE, id="begins late"),
    ],
)
def test_the_next_one_speaks_the_text(first: ScriptedTts, first_s: float, outcome: Outcome) -> None:
    async def main() -> None:
        second = ScriptedTts("second", 2)
        chain, uses = with_uses(tts_chain(first, second))
        chunks, begins_s = await spoken(chain)
        assert begins_s == first_s
        assert words_of(chunks) == WORDS
        assert voices_of(chunks) == [2], "one voice only"
        assert not any(chunk.keep for chunk in chunks), "not for the cache"
        assert {use.engine: use.outcome for use in uses} == {"first": outcome, "second": Outcome.ANSWERED}
        assert nothing_is_left(first, second)

    run(main())


@pytest.mark.parametrize("said", range(1, len(WORDS)))
@pytest.mark.parametrize("how", ["fails", "stalls", "ends"])
@pytest.mark.parametrize("half_word", [False, True])
def test_the_next_one_goes_on_at_the_word(said: int, how: str, half_word: bool) -> None:
    async def main() -> None:
        first = ScriptedTts("first", half_word=half_word)
        setattr(first, f"{how}_after", said)
        second = ScriptedTts("second", 2)
        chunks, _ = await spoken(tts_chain(first, second))
        check_positions(chunks)
        if how == "ends" and said == len(WORDS) - 1:
            assert second.texts == [], "a voice may leave a last word without a position"
            return
        assert words_of(chunks) == WORDS, "each word once"
        assert second.texts == [" ".join(WORDS[said:])]
        assert voices_of(chunks) == [1, 2]
        samples = sum(len(chunk.pcm) // 2 for chunk in chunks)
        half = WORD_SAMPLES // 2 if half_word and how != "ends" else 0
        assert samples == len(WORDS) * WORD_SAMPLES + half
        assert nothing_is_left(first, second)

    run(main())


def test_a_stall_is_bridged_before_the_caller_hears_it() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first", stalls_after=6), ScriptedTts("second", 2)
        loop, given, came = asyncio.get_running_loop(), 0.0, list[tuple[float, float]]()
        began = None
        async for chunk in tts_chain(first, second).synthesize(TEXT):
            began = loop.time() if began is None else began
            came.append((loop.time() - began, given))
            given += len(chunk.pcm) / 16_000
        gaps = [at - heard_until for at, heard_until in came]
        assert max(gaps) <= 0.0, "the next voice's audio is there before the first one's is over"
        late = [at for at, _ in came if at > 0.5]
        assert late[0] == pytest.approx(6 * 0.25 - 0.4 + 0.05), "and not started without need"

    run(main())


def test_a_slow_voice_that_keeps_up_is_left_alone() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first", word_s=0.24), ScriptedTts("second", 2)
        chunks, _ = await spoken(tts_chain(first, second))
        assert voices_of(chunks) == [1]
        assert not second.texts

    run(main())


def test_the_third_goes_on_when_the_second_fails_too() -> None:
    async def main() -> None:
        voices = [ScriptedTts("one", 1, fails_after=2), ScriptedTts("two", 2, stalls_after=3), ScriptedTts("three", 3)]
        chunks, _ = await spoken(tts_chain(*voices))
        assert words_of(chunks) == WORDS
        assert voices_of(chunks) == [1, 2, 3]
        check_positions(chunks)
        assert nothing_is_left(*voices)

    run(main())


def test_all_are_down() -> None:
    async def main() -> None:
        voices = [ScriptedTts("one", 1, fails_after=2), ScriptedTts("two", 2, fails_after=1)]
        chain, chunks = tts_chain(*voices), list[SpeechChunk]()
        with pytest.raises(EngineError, match=r"one: speaking: .*two: speaking: the connection was lost"):
            async for chunk in chain.synthesize(TEXT):
                chunks.append(chunk)
        assert words_of(chunks) == WORDS[:3], "what could be said was"
        assert nothing_is_left(*voices)

    run(main())


def test_voices_without_words_and_with_another_rate_can_take_over() -> None:
    async def main() -> None:
        first = ScriptedTts("first", fails_after=4, words=False)
        second = ScriptedTts("second", 2, words=False, rate_hz=16_000)
        third = ScriptedTts("third", 3)
        chain = tts_chain(first, second, third)
        assert chain.capabilities.word_positions and chain.capabilities.rate_hz == 8_000
        chunks, _ = await spoken(chain)
        assert words_of(chunks) == WORDS, "at an even pace"
        check_positions(chunks)
        assert 0 < len(second.texts[0]) < len(TEXT)
        quiet = tts_chain(replace(first, texts=[]), replace(second, texts=[]))
        chunks, _ = await spoken(quiet)
        assert not quiet.capabilities.word_positions
        assert not words_of(chunks)

    run(main())


def test_stopping_early_stops_all_engines() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first", first_s=FOREVER_S), ScriptedTts("second", 2, word_s=0.2)
        chain, uses = with_uses(tts_chain(first, second))
        stream = chain.synthesize(TEXT)
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        assert nothing_is_left(first, second)
        assert {use.outcome for use in uses} == {Outcome.CANCELLED, Outcome.LATE}

    run(main())


@pytest.mark.parametrize("when_s", [0.01, 0.42, 0.9])
def test_cancelling_leaves_nothing(when_s: float) -> None:
    async def main() -> None:
        voices = [
            ScriptedTts("one", first_s=FOREVER_S),
            ScriptedTts("two", 2, first_s=FOREVER_S),
            ScriptedTts("three", 3, first_s=9.0),
        ]
        chain = tts_chain(*voices)
        task = asyncio.ensure_future(spoken(chain))
        await asyncio.sleep(when_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert nothing_is_left(*voices)
        assert not chain.tasks
        await chain.close()

    run(main())


def test_a_breaker_passes_over_and_a_probe_costs_no_caller_time() -> None:
    async def main() -> None:
        await a_moment()
        first, second = ScriptedTts("first", first_s=FOREVER_S), ScriptedTts("second", 2)
        chain = tts_chain(first, second)
        assert [(await spoken(chain))[1] for _ in range(4)] == [0.45, 0.45, 0.45, 0.05]
        assert len(first.texts) == 3
        await asyncio.sleep(HOLD_S)
        first.first_s = 0.2
        chunks, first_s = await spoken(chain)
        assert (voices_of(chunks), first_s) == ([2], 0.05), "the probe lost, and cost nothing"
        await asyncio.sleep(1.0)
        chunks, first_s = await spoken(chain)
        assert (voices_of(chunks), first_s) == ([1], 0.2), "and showed that it works"
        assert nothing_is_left(first, second)

    run(main())


def test_budgets_and_languages() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first", languages=("en",)), ScriptedTts("second", 2, languages=("en", "de"))
        cheap = replace(TTS_LIMITS, per_call=Budget(characters=100))
        chain = tts_chain(first, second, limits=[cheap], language="en").for_call(CallMeter())
        assert [voices_of((await spoken(chain))[0]) for _ in range(3)] == [[1], [1], [2]]
        chunks, _ = await spoken(chain.in_language("de"))
        assert voices_of(chunks) == [2]
        assert all(chunk.keep for chunk in chunks), "it is the first that knows the language"

    run(main())


def test_the_cache_keeps_what_the_first_voice_says() -> None:
    async def main() -> None:
        first, second = ScriptedTts("first", fails_after=3), ScriptedTts("second", 2)
        voice = Voice("chain", tts_chain(first, second), ClipCache(1_000_000), Resampler)

        async def say() -> None:
            clip = await voice.clip(TEXT, "LINEAR16", lambda pcm: pcm, 8_000)
            assert [word.text for word in clip.words] == WORDS

        await say()
        first.fails_after = None
        await say()
        await say()
        assert len(first.texts) == 2, "the broken one is said again, the whole one is kept"

    run(main())


def test_a_voice_is_asked_of_the_member_that_lists_it() -> None:
    listed, any_name = SimulatedVoice(), SimulatedVoice()
    listed.voices = {"de": "de"}
    members = [Member(name, engine, "tts", Limits()) for name, engine in (("any", any_name), ("listed", listed))]
    chain = ChainTts(cast(list[Member[TtsEngine]], members), Resampler)

    def voices_of_members(voice: str) -> list[str]:
        return [cast(SimulatedVoice, chain.with_voice(voice).engine_of(member)).voice for member in chain.members]

    assert voices_of_members("de+f3") == ["", "de+f3"]
    assert voices_of_members("alloy") == ["alloy", "alloy"]

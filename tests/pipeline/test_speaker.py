"""A voice that arrives piece by piece: queued as it arrives, and not requested if nobody wants it."""

import asyncio
import re
from collections.abc import AsyncIterator
from statistics import median
from time import monotonic

from offhook.pipeline.asr.engine import Transcript
from offhook.pipeline.errors import EngineError
from offhook.pipeline.events import Answer, Choice, Interruption, Playback, Prompt, Question
from offhook.pipeline.trace import BargedIn, BotHeard
from offhook.pipeline.tts.engine import SpeechChunk, TtsCapabilities, Word
from offhook.pipeline.tts.espeak import EspeakEngine
from offhook.pipeline.tts.gap import CLAUSE_GAP_MS, SENTENCE_GAP_MS
from tests.pipeline.conversation import Talk

WORD_SAMPLES = 800
GAP_SAMPLES = SENTENCE_GAP_MS * 8
PROMPT = Prompt("You have three calls. You have two letters. You have one more.")
MENU = Question(choices=(Choice("yes", ("yes",)),), no_input_ms=50)


class WordByWord:
    """Speaks 100 ms per word, each on command; the audio encodes which word of which text it is."""

    def __init__(self) -> None:
        self.capabilities = TtsCapabilities(8_000, word_positions=True)
        self.allowed = asyncio.Semaphore(0)
        self.asked: list[str] = []
        self.words = 0
        self.fails_at = 1_000

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        self.asked.append(text)
        at = char = 0
        for name in text.split(" "):
            await self.allowed.acquire()
            if self.words == self.fails_at:
                raise EngineError("test", "speaking", "no more")
            self.words += 1
            word = Word(name, char, char + len(name), at, at + WORD_SAMPLES)
            yield SpeechChunk(name[0].encode() * (2 * WORD_SAMPLES), (word,))
            at, char = at + WORD_SAMPLES, char + len(name) + 1

    def allow(self, words: int) -> None:
        for _ in range(words):
            self.allowed.release()


def starts(word: int) -> int:
    """Where this word of PROMPT begins, counted from 0: there are four in a sentence."""
    return word * WORD_SAMPLES + word // 4 * GAP_SAMPLES


def step(talk: Talk, question: Question | None = None) -> asyncio.Task[Answer]:
    return asyncio.create_task(talk.session.step(PROMPT, question))


async def test_a_piece_is_queued_before_the_next_one_is_made() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    task = step(talk)
    for count in range(1, 13):
        engine.allow(1)
        await talk.playing(starts(count - 1) + WORD_SAMPLES)
        assert engine.words == count
    talk.line.send()
    async with asyncio.timeout(2):
        assert (await task).prompt == Playback(PROMPT.text)
    assert bytes(talk.line.sent[starts(word)] for word in range(12)) == b"YhtcYhtlYhom"
    assert len(talk.line.sent) == starts(11) + WORD_SAMPLES
    assert engine.asked == ["You have three calls.", "You have two letters.", "You have one more."]


async def test_after_a_confirmed_interruption_nothing_more_is_made() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    task = step(talk, MENU)
    engine.allow(6)  # two of the second sentence
    await talk.playing(starts(5) + WORD_SAMPLES)
    talk.line.send(starts(5))
    await talk.speak()
    assert talk.reported(BargedIn)
    engine.allow(6)
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("yes", 0.9))
    async with asyncio.timeout(2):
        prompt = (await task).prompt
    assert prompt == Playback("You have three calls. You", "have two letters. You have one more.", True)
    assert (engine.words, len(engine.asked)) == (6, 2)


async def test_after_a_false_interruption_it_resumes_where_it_was() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    task = step(talk, MENU)
    engine.allow(6)
    await talk.playing(starts(5) + WORD_SAMPLES)
    talk.line.send(starts(5) + 320)  # in the middle of the sixth word
    await talk.say("")
    await talk.playing(WORD_SAMPLES)
    engine.allow(8)  # the second sentence once more, and the third
    await talk.playing(7 * WORD_SAMPLES + GAP_SAMPLES)
    talk.line.send()
    async with asyncio.timeout(2):
        assert (await task).prompt == Playback(PROMPT.text)
    assert engine.asked == ["You have three calls.", *["You have two letters."] * 2, "You have one more."]
    assert bytes(talk.line.sent[starts(word)] for word in range(5)) == b"YhtcY"
    again = talk.line.sent[starts(5) + 320 :]
    assert bytes(again[starts(word) - starts(5)] for word in range(5, 12)) == b"htlYhom"


async def test_clauses_are_separated_by_natural_pauses() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    comma = "There are three things that I would like to tell you about now,"
    task = asyncio.create_task(talk.session.step(Prompt(f"{comma} and here is the first one of them. Yes."), None))
    engine.allow(100)
    first, second = 13 * WORD_SAMPLES, 8 * WORD_SAMPLES
    await talk.playing(first + CLAUSE_GAP_MS * 8 + second + GAP_SAMPLES + WORD_SAMPLES)
    talk.line.send()
    async with asyncio.timeout(2):
        await task
    assert engine.asked[0] == comma
    sent = talk.line.sent
    gaps = [(found.start(), found.end() - found.start()) for found in re.finditer(rb"\0+", sent)]
    assert gaps == [(first, CLAUSE_GAP_MS * 8), (first + CLAUSE_GAP_MS * 8 + second, GAP_SAMPLES)]
    heard = talk.reported(BotHeard)[0]
    assert isinstance(heard, BotHeard)
    assert [chr(sent[word.start_sample]) for word in heard.words] == [word.text[0] for word in heard.words]


async def test_silence_that_was_there_already_is_not_added_to() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    task = step(talk)
    engine.allow(4)
    await talk.playing(starts(4) - GAP_SAMPLES)
    talk.line.send()
    engine.allow(8)  # the voice was late
    await talk.playing(8 * WORD_SAMPLES + GAP_SAMPLES)
    talk.line.send()
    async with asyncio.timeout(2):
        assert (await task).prompt == Playback(PROMPT.text)
    assert len(talk.line.sent) == 12 * WORD_SAMPLES + GAP_SAMPLES


async def test_a_caller_already_speaking_costs_no_synthesis() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    await talk.speak()
    task = step(talk, MENU)
    engine.allow(20)
    await talk.fall_silent()
    await talk.until(lambda: talk.asr.turns and talk.asr.turns[0].finishing)
    talk.asr.turns[0].answer.set_result(Transcript("yes", 0.9))
    async with asyncio.timeout(2):
        await task
    assert engine.asked == []


async def test_audio_before_a_failure_counts_as_played() -> None:
    engine = WordByWord()
    engine.fails_at = 6
    talk = Talk(tts=engine)
    task = step(talk)
    engine.allow(7)
    await talk.playing(6 * WORD_SAMPLES)
    await talk.until(lambda: len(talk.events) >= 2)
    talk.line.send()
    async with asyncio.timeout(2):
        heard = (await task).prompt
    assert heard == Playback(
        "You have three calls. You have", "two letters. You have one more.", failed="test: speaking: no more"
    )


class TimedEspeak(EspeakEngine):
    """Records when its chunks came; shared with its copies for other rates."""

    def __init__(self) -> None:
        super().__init__()
        self.came_at: list[float] = []

    async def synthesize(self, text: str) -> AsyncIterator[SpeechChunk]:
        async for chunk in super().synthesize(text):
            self.came_at.append(monotonic())
            yield chunk


async def test_the_first_audio_of_a_new_prompt_follows_the_first_chunk_within_30_ms() -> None:
    engine = TimedEspeak()
    await engine.start()
    delays = []
    try:
        for number in range(7):
            talk = Talk(tts=engine)
            engine.came_at.clear()
            prompt = Prompt(
                f"This is number {number} of the prompts that were never said before. " + "And so on. " * 10
            )
            task = asyncio.create_task(talk.session.step(prompt, None))
            await talk.playing()
            delays.append(1_000 * (monotonic() - engine.came_at[0]))
            talk.session.close()
            await asyncio.wait((task,))
    finally:
        await engine.close()
    assert median(delays) < 30.0, delays


async def test_it_may_go_on_at_the_sentence_and_not_at_the_word() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    prompt = Prompt(PROMPT.text, interruption=Interruption(resume="sentence"))
    task = asyncio.create_task(talk.session.step(prompt, MENU))
    engine.allow(12)
    await talk.playing(starts(11) + WORD_SAMPLES)
    talk.line.send(starts(6) + 320)  # in the middle of the seventh word, the third of the second sentence
    await talk.say("")
    await talk.playing(8 * WORD_SAMPLES + GAP_SAMPLES)
    talk.line.send()
    async with asyncio.timeout(2):
        assert (await task).prompt == Playback(PROMPT.text)
    again = talk.line.sent[starts(6) + 320 :]
    assert bytes(again[starts(word) - starts(4)] for word in range(4, 12)) == b"YhtlYhom"


async def test_an_utterance_that_grows_is_spoken_clause_by_clause_and_is_over_when_it_is_finished() -> None:
    engine = WordByWord()
    talk = Talk(tts=engine)
    engine.allow(100)
    utterance = talk.session.say("You have ", complete=False)
    said = talk.session.said(utterance)
    talk.session.append(utterance, "three calls. You")
    await talk.playing(4 * WORD_SAMPLES)
    assert engine.asked == ["You have three calls."]
    talk.line.send()
    assert not said.done()
    talk.session.append(utterance, " have two letters.")
    talk.session.finish(utterance)
    await talk.playing(4 * WORD_SAMPLES)
    talk.line.send()
    async with asyncio.timeout(2):
        assert await said == Playback("You have three calls. You have two letters.")
    talk.session.append(utterance, "Too late.")
    talk.session.cancel(utterance)
    assert engine.asked == ["You have three calls.", "You have two letters."]

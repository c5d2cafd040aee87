"""What the caller hears while a model or a tool takes its time, in virtual time."""

import asyncio

import pytest

from offhook import Agent, Tool, tool
from offhook.pipeline.errors import EngineError
from offhook.pipeline.trace import GIVEN_UP, BotHeard, BotSpoke, ModelReplied, SilenceFilled, StageStalled
from offhook.pipeline.turn.machine import TurnSettings
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, call

SETTINGS = TurnSettings(ignore_back_channels=True, filler_ms=1_200, fallback_ms=4_000)
WORDS = ("One moment.", "I am still working on it.", "Thank you for your patience.", "One moment, please.")


class Heard:
    """When the bot was audible, by its line."""

    def __init__(self, caller: SimulatedCall) -> None:
        self._caller = caller
        self.longest_s = 0.0

    async def until(self, text: str, within_s: float = 30.0) -> None:
        """Poll until the bot has begun to say `text`, or has said it in the middle of something."""

        def begins(event: object) -> bool:
            begun = isinstance(event, BotSpoke) and event.text.startswith(text)
            return begun or (isinstance(event, BotHeard) and text in event.playback.text_played)

        caller, quiet_from = self._caller, self._caller.now
        ends_at = caller.now + within_s
        while not any(map(begins, caller.events)):
            assert caller.now < ends_at, [event.text for event in caller.events if isinstance(event, BotSpoke)]
            await asyncio.sleep(0.02)
            if caller.call.is_audible:
                quiet_from = caller.now
            self.longest_s = max(self.longest_s, caller.now - quiet_from)


def slow(seconds: float) -> Tool:
    @tool(name="look_up")
    async def look_up() -> str:
        """Look it up."""
        await asyncio.sleep(seconds)
        return "found"

    return look_up


def spoken_fillers(caller: SimulatedCall) -> list[tuple[float, str]]:
    own = [(e.at, e.text) for e in caller.events if isinstance(e, BotSpoke) and e.text in WORDS]
    floor = [(e.at, e.text) for e in caller.events if isinstance(e, SilenceFilled) and e.text]
    return sorted(own + floor)


def waits_for(text: str, model: ScriptedModel, *tools: Tool) -> tuple[SimulatedCall, float, float]:
    """The call, when the caller's turn was over, and the longest silence until the bot said `text`."""

    async def talk() -> tuple[SimulatedCall, float, float]:
        agent = Agent("x", model=model, greeting="Hello, how can I help you?", tools=tools, speculate=False)
        async with SimulatedCall(agent, settings=SETTINGS) as caller:
            await caller.hears("Hello")
            await caller.waits(1.0)
            await caller.says("where is my order")
            said, heard = caller.now, Heard(caller)
            await heard.until(text)
            return caller, said, heard.longest_s

    return run(talk())


def test_a_late_model_is_covered_by_the_floor_alone() -> None:
    caller, said, longest_s = waits_for("It is nine.", ScriptedModel(Says("It is nine.", first_s=2.0)))
    ((at, text),) = spoken_fillers(caller)
    assert text == "One moment, please."
    assert at - said == pytest.approx(1.2, abs=0.1)
    assert longest_s <= 1.5


def test_a_late_tool_is_covered_by_the_agent_alone() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), "It ships today.")
    caller, said, longest_s = waits_for("It ships today.", model, slow(6.0))
    fillers = spoken_fillers(caller)
    assert [text for _, text in fillers] == ["One moment.", "I am still working on it."]
    assert fillers[0][0] - said == pytest.approx(0.5 + 0.8, abs=0.25)
    assert longest_s <= 3.3
    assert not [event for event in caller.events if isinstance(event, SilenceFilled | StageStalled)]


def test_after_a_late_tool_a_late_model_is_covered_without_repeating_the_words() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), Says("It ships today.", first_s=2.0))
    caller, _, longest_s = waits_for("It ships today.", model, slow(1.6))
    assert [text for _, text in spoken_fillers(caller)] == ["One moment."]
    (tones,) = [event for event in caller.events if isinstance(event, SilenceFilled)]
    assert not tones.text
    assert longest_s <= 2.5


def test_after_a_late_model_a_late_tool_is_covered_without_repeating_the_words() -> None:
    model = ScriptedModel(Says(first_s=1.6, calls=(call("look_up"),)), "It ships today.")
    caller, _, longest_s = waits_for("It ships today.", model, slow(5.0))
    assert [text for _, text in spoken_fillers(caller)] == ["One moment, please.", "I am still working on it."]
    assert longest_s <= 3.3


def test_a_model_that_is_dead_after_a_tool_is_apologised_for_once() -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), Says(first_s=10_000), "It ships today.")
    caller, _, longest_s = waits_for("Could you say that again?", model, slow(1.6))
    assert longest_s <= 4.0
    fillers = [event.text for event in caller.events if isinstance(event, SilenceFilled)]
    assert fillers[-1].startswith("I am sorry, this is taking longer")
    assert len([event for event in caller.events if isinstance(event, StageStalled)]) == 1
    assert not [event for event in caller.events if isinstance(event, BotSpoke) and "sorry" in event.text]
    assert model.open == 0
    (failed,) = [event for event in caller.events if isinstance(event, ModelReplied) and event.error]
    assert "no word came for" in failed.error and failed.error != GIVEN_UP


def test_a_caller_who_speaks_hears_no_filler() -> None:
    model = ScriptedModel(Says("It is nine.", first_s=3.0), "Yes.")

    async def talk() -> SimulatedCall:
        agent = Agent("x", model=model, greeting="Hi.", speculate=False)
        async with SimulatedCall(agent, settings=SETTINGS) as caller:
            await caller.hears("Hi.")
            await caller.says("where is my order")
            await caller.waits(0.8)
            await caller.says("I mean the one that I made on Monday")
            await caller.hears("Yes.")
            return caller

    caller = run(talk())
    assert not spoken_fillers(caller)
    assert [event.playback.text_played for event in caller.events if isinstance(event, BotHeard)] == ["Hi.", "Yes."]


@pytest.mark.parametrize("every_s", [0.3, 0.6, 1.0])
def test_there_is_no_silence_while_tokens_come(every_s: float) -> None:
    reply = "one two three four five six seven eight nine ten eleven twelve."
    caller, _, longest_s = waits_for("Twelve.", ScriptedModel(Says(f"{reply} Twelve.", every_s=every_s)))
    assert longest_s <= 2.0
    assert caller.voice.asked


def test_a_voice_that_fails_in_mid_sentence_is_apologised_for_once() -> None:
    """The caller has heard half of it, and cannot know that it is their turn."""

    async def talk() -> tuple[SimulatedCall, float]:
        model = ScriptedModel("Your balance is ten dollars. And there is something else.")
        async with SimulatedCall(Agent("x", model=model, greeting="Hello."), settings=SETTINGS) as caller:
            await caller.hears("Hello.")
            caller.voice.fails["And there is something else."] = EngineError("voice", "speaking", "it has gone")
            heard = Heard(caller)
            await caller.says("my balance")
            await heard.until("I am sorry, I lost my thread.")
            await caller.waits(2.0)
            return caller, heard.longest_s

    caller, longest_s = run(talk())
    assert longest_s < 1.5
    said = [event.text for event in caller.events if isinstance(event, BotSpoke)]
    assert sum(text.startswith("I am sorry") for text in said) == 1


def test_a_voice_that_is_gone_is_filled_in_tones() -> None:
    async def talk() -> list[SilenceFilled]:
        model = ScriptedModel("Your balance is ten dollars. And there is something else.")
        async with SimulatedCall(Agent("x", model=model, greeting="Hello."), settings=SETTINGS) as caller:
            await caller.hears("Hello.")
            gone = EngineError("voice", "speaking", "it has gone")
            lost = ("I am sorry,", "I lost my thread.", "Could you say that again?")
            caller.voice.fails |= dict.fromkeys(("And there is something else.", *lost), gone)
            await caller.says("my balance")
            await caller.hears("ten dollars")
            began = caller.now
            await caller.waits(4.5)
            return [event for event in caller.events if isinstance(event, SilenceFilled) and event.at > began]

    assert len(run(talk())) >= 2


@pytest.mark.parametrize("muted", [False, True])
def test_fillers_of_tools_have_the_settings_words_and_are_not_said_while_a_secret_is_taken(muted: bool) -> None:
    model = ScriptedModel(Says(calls=(call("look_up"),)), "Here it is.")

    async def talk() -> list[str]:
        async with SimulatedCall(Agent("x", model=model, greeting="Hello.", tools=[slow(5.0)])) as caller:
            caller.session._stopgap._own = {"en": "Hold on."}
            caller.session.silence.mute(muted)
            await caller.hears("Hello.")
            await caller.says("where is it")
            await caller.hears("Here it is.", within_s=12)
            return [event.text for event in caller.events if isinstance(event, BotSpoke)]

    said = run(talk())
    assert said == (["Hello.", "Here it is."] if muted else ["Hello.", "Hold on.", WORDS[1], "Here it is."])

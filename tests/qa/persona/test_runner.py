"""Personas in virtual time: events in, commands out."""

import random
from collections.abc import Sequence

import pytest

from offhook.qa.persona.runner import AskingRunner, PersonaRunner, ReplayRunner
from offhook.qa.script.events import (
    Ask,
    BotBegan,
    BotSpoke,
    Command,
    Decided,
    EndCall,
    Ended,
    Event,
    Play,
    PressKeys,
    Said,
)
from offhook.qa.script.persona import Exchange, Heard, Persona
from offhook.qa.script.steps import HangUp, Interrupt, Press, Say, Speech, Step, Wait

HELLO, DAY, MOVED, BYE = (
    "Good morning. What can I do for you?",
    "Which day next week would suit you?",
    "Your appointment is on Thursday at nine now. Anything else?",
    "Thank you for calling. Goodbye.",
)
MOVE, THURSDAY, NO = Say(Speech("move my appointment")), Say(Speech("Thursday")), Say(Speech("No, thank you."))
RECORDED = (
    Exchange(Heard((HELLO,)), (MOVE,)),
    Exchange(Heard((DAY,)), (THURSDAY,)),
    Exchange(Heard((MOVED,)), (NO,)),
    Exchange(Heard((BYE,)), (HangUp(),)),
)
"""A call in which the persona hangs up."""


class Run:
    """A call: what happens at which time, and the commands with theirs."""

    def __init__(self, runner: PersonaRunner) -> None:
        self.runner = runner
        self.commands: list[tuple[float, Command]] = []
        self._turn = 0
        runner.start(0.0)
        self._take(0.0)

    def at(self, now: float, *events: Event) -> "Run":
        while (due := self.runner.get_timer()) is not None and due < now:
            self.runner.handle_timer(due)
            self._take(due)
        for event in events:
            self.runner.receive(event, now)
            self._take(now)
        return self

    def spoke(self, began: float, ended: float, text: str, known_s: float = 0.7) -> "Run":
        """The bot's next turn, and that it is known `known_s` later."""
        number, self._turn = self._turn, self._turn + 1
        return self.at(began, BotBegan(number, began)).at(ended + known_s, BotSpoke(number, began, ended, (), text))

    @property
    def asked(self) -> list[Ask]:
        return [command for _, command in self.commands if isinstance(command, Ask)]

    @property
    def acts(self) -> list[Command]:
        return [command for _, command in self.commands if not isinstance(command, Ask)]

    @property
    def failed(self) -> str | None:
        return None if self.runner.failure is None else self.runner.failure.kind

    def receive_end(self) -> None:
        """The bot hangs up at once."""
        self.runner.receive(Ended("bot"), self.commands[-1][0] + 5.0)

    def _take(self, now: float) -> None:
        while (command := self.runner.next_command()) is not None:
            self.commands.append((now, command))


def asking(turns: int = 20) -> Run:
    return Run(AskingRunner(Persona("move my appointment", turns=turns)))


def replay(recorded: Sequence[Exchange] = RECORDED) -> Run:
    return Run(ReplayRunner(recorded))


def test_a_model_is_asked_once_the_bot_has_paused_and_told_all_that_was_before() -> None:
    run = asking().spoke(0.2, 2.0, HELLO)
    (first,) = run.asked
    assert (first.heard, first.before) == (Heard((HELLO,)), ())
    run.at(4.0, Decided(1, (MOVE,))).at(6.0, Said()).spoke(7.0, 9.0, DAY)
    assert run.acts == [Play(Speech("move my appointment"))]
    assert run.asked[1].heard == Heard((DAY,)) and run.asked[1].before == (Exchange(Heard((HELLO,)), (MOVE,)),)
    run.at(10.0, Decided(2, (Press("12"), HangUp()))).at(11.0, Said())
    assert run.acts[1:] == [PressKeys("12"), EndCall()]
    assert run.runner.over and run.failed is None and len(run.runner.exchanges) == 2


def test_a_bot_that_goes_on_while_the_model_thinks_is_heard_out() -> None:
    run = asking().spoke(0.2, 2.0, HELLO).at(3.0, BotBegan(1, 3.0)).at(3.5, Decided(1, (MOVE,)))
    assert not run.acts, "the answer to the first half is void"
    run.at(5.0, BotSpoke(1, 3.0, 4.3, (), "Take your time."))
    assert run.asked[1].heard == Heard((HELLO, "Take your time.")) and run.asked[1].before == ()
    run.at(6.0, Decided(1, (NO,)))
    assert not run.acts, "it comes late"
    run.at(6.5, Decided(2, (MOVE,)))
    assert run.acts == [Play(MOVE.speech)]


def test_a_silence_is_something_that_the_model_is_told() -> None:
    run = asking().at(9.9)
    assert not run.asked
    run.at(10.1)
    assert run.asked == [Ask(1, Heard(), ())]
    run.at(11.0, Decided(1, (MOVE,))).at(12.0, Said()).at(21.9)
    assert len(run.asked) == 1
    assert len(run.at(22.1).asked) == 2


def test_what_it_interrupts_is_cut_off_and_not_answered() -> None:
    run = asking().spoke(0.2, 2.0, HELLO).at(3.0, Decided(1, (Interrupt(1_500, Speech("Thursday")),)))
    run.at(4.0, BotBegan(1, 4.0)).at(5.4)
    assert not run.acts
    run.at(5.6)
    assert run.commands[-1] == (5.5, Play(Speech("Thursday")))
    run.at(6.2, Said()).at(6.8, BotSpoke(1, 4.0, 6.3, (), "You can choose between"))
    assert len(run.asked) == 1, "it fell silent because of the persona"
    run.at(7.5, BotBegan(2, 7.5)).at(10.0, BotSpoke(2, 7.5, 9.3, (), MOVED))
    assert run.asked[1].heard == Heard((MOVED,), ("You can choose between",))


def test_a_bot_that_is_not_to_be_interrupted_is_answered_at_its_end() -> None:
    run = asking().spoke(0.2, 2.0, HELLO).at(3.0, Decided(1, (Interrupt(500, keys="1"),)))
    run.at(4.0, BotBegan(1, 4.0)).at(5.0, Said()).at(9.0, BotSpoke(1, 4.0, 8.3, (), "We are closed today."))
    assert run.acts == [PressKeys("1")]
    assert run.asked[1].heard == Heard(("We are closed today.",))


def test_who_has_nothing_to_interrupt_speaks_all_the_same() -> None:
    run = asking().spoke(0.2, 2.0, HELLO).at(3.0, Decided(1, (Interrupt(500, Speech("hello?")),))).at(12.9)
    assert not run.acts
    assert run.at(13.1).acts == [Play(Speech("hello?"))] and run.failed is None


def test_turns_are_limited_and_the_last_one_is_known_to_be() -> None:
    run = asking(turns=2)
    for number, text in enumerate((HELLO, DAY), 1):
        run.spoke(10.0 * number, 10.0 * number + 2, text).at(10.0 * number + 3, Decided(number, (Wait(0),)))
    assert [each.is_last for each in run.asked] == [False, True]
    assert run.failed == "persona_turns" and run.acts == [EndCall()]


def test_the_same_words_three_times_lead_nowhere() -> None:
    run = asking()
    for number in range(1, 4):
        assert run.failed is None
        run.spoke(10.0 * number, 10.0 * number + 2, HELLO).at(10.0 * number + 3, Decided(number, (MOVE,)))
        run.at(10.0 * number + 4, Said())
    assert run.failed == "persona_loops"


@pytest.mark.parametrize("thinking", [False, True])
def test_the_bot_may_hang_up_and_a_lost_call_is_a_fault(thinking: bool) -> None:
    for by, kind in (("bot", None), ("network", "ended")):
        run = asking().spoke(0.2, 2.0, HELLO)
        if not thinking:
            run.at(3.0, Decided(1, (MOVE,)))
        run.at(3.5, Ended(by, "x"))
        assert run.runner.over and run.failed == kind and EndCall() not in run.acts


def answer_all(run: Run, turns: Sequence[Sequence[str]], rng: random.Random) -> Run:
    """The bot's side: after each of the persona's sentences the next turns, with other pauses each time."""
    now = 0.3
    for texts in turns:
        for text in texts:
            began = now + rng.uniform(0.3, 1.0)
            now = began + rng.uniform(1.0, 3.0)
            run.spoke(began, now, text, known_s=rng.uniform(0.6, 1.2))
            now += 1.3
        now += 3.5
        run.at(now, Said())
    return run


def heard_as(text: str, rng: random.Random) -> str:
    """The text by a recogniser that gets a word wrong and divides others."""
    words = text.lower().replace(".", "").replace("?", "").split()
    words[rng.randrange(len(words))] = rng.choice(["uh", "the", "four"])
    return " ".join(words)


def test_a_hundred_replays_do_the_same() -> None:
    """Whatever the pauses are, and whatever word the recogniser gets wrong."""
    expected = [Play(MOVE.speech), Play(THURSDAY.speech), Play(NO.speech), EndCall()]
    for seed in range(100):
        rng = random.Random(seed)
        turns = [(heard_as(each, rng),) for each in (HELLO, DAY, MOVED, BYE)]
        run = answer_all(replay(), turns, rng)
        assert (run.acts, run.failed) == (expected, None), seed


def test_a_turn_that_is_divided_otherwise_is_the_same() -> None:
    divided = [("Good morning.", "What can I do for you?"), (DAY,), (MOVED,), (BYE,)]
    joined = (Exchange(Heard(divided[0]), (MOVE,)), *RECORDED[1:])
    whole = [(each,) for each in (HELLO, DAY, MOVED, BYE)]
    for recorded, turns in ((RECORDED, divided), (joined, whole), (joined, divided)):
        run = answer_all(replay(recorded), turns, random.Random(1))
        assert run.failed is None and len(run.acts) == 4


def test_what_the_answer_would_not_fit_is_told_with_both_texts() -> None:
    run = replay().spoke(0.2, 2.0, HELLO).at(4.0, Said()).spoke(5.0, 7.0, "Please enter your four digit PIN.").at(9.9)
    assert run.failed is None, "there may be more to come"
    run.at(10.1)
    failure = run.runner.failure
    assert failure is not None and failure.kind == "persona_diverged"
    assert "turn 2" in failure.what and "four digit PIN" in failure.why and DAY in failure.why
    assert run.acts == [Play(MOVE.speech), EndCall()]


def test_a_silence_where_the_bot_spoke_is_another_way() -> None:
    run = replay().at(10.1)
    assert run.failed == "persona_diverged" and run.acts == [EndCall()]


def test_a_recorded_silence_is_waited_for() -> None:
    recorded = (Exchange(Heard(), (MOVE,)), Exchange(Heard((DAY,)), (HangUp(),)))
    run = replay(recorded).at(10.1).at(12.0, Said()).spoke(13.0, 15.0, DAY)
    assert run.acts == [Play(MOVE.speech), EndCall()] and run.failed is None


def test_a_bot_that_hangs_up_too_early_or_not_at_all() -> None:
    run = replay().spoke(0.2, 2.0, HELLO).at(4.0, Said()).at(5.0, Ended("bot"))
    assert run.failed == "persona_diverged"
    run = answer_all(replay(), [(HELLO,), (DAY,), (MOVED,)], random.Random(1)).at(60.0, Ended("bot"))
    assert run.failed == "persona_diverged", "it was silent for long"
    run = answer_all(replay(RECORDED[:3]), [(HELLO,), (DAY,), (MOVED,)], random.Random(1))
    assert not run.runner.over, "it hung up when that was recorded"
    assert run.at(60.0).failed == "persona_diverged"
    run = answer_all(replay(RECORDED[:3]), [(HELLO,), (DAY,), (MOVED,)], random.Random(1))
    run.receive_end()
    assert run.runner.over and run.failed is None


def test_a_persona_that_only_hangs_up_does_not_mind_when_the_bot_is_first() -> None:
    run = answer_all(replay(), [(HELLO,), (DAY,), (MOVED,)], random.Random(1))
    run.receive_end()
    assert run.runner.over and run.failed is None


@pytest.mark.parametrize("steps", [(HangUp(),), (Wait(500), HangUp())])
def test_silence_takes_no_turn_away(steps: tuple[Step, ...]) -> None:
    run = replay((Exchange(Heard((HELLO,)), (Wait(2_000),)), Exchange(Heard((DAY,)), steps)))
    run.spoke(0.2, 2.0, HELLO).spoke(3.0, 4.5, DAY).at(6.0)
    assert run.acts == [EndCall()] and run.failed is None, "the second question came while it waited"

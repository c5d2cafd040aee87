"""Scripts in virtual time: events in, commands out."""

from collections.abc import Sequence

import pytest

from offhook.qa.script.events import (
    Background,
    BotBegan,
    BotSpoke,
    BreakOff,
    Command,
    EndCall,
    Ended,
    Event,
    HeardPrompt,
    KeyHeard,
    Play,
    PressKeys,
    Said,
    SetHold,
    ToneHeard,
)
from offhook.qa.script.runner import ScriptRunner
from offhook.qa.script.script import Script
from offhook.qa.script.steps import ChangeMind, HangUp, Hold, Interrupt, Noise, Press, Say, Speech, Step, Wait, WaitFor

HELLO, STOP = Speech("hello"), Speech("stop")


class Run:
    """A run: what happens at which time, and the commands with theirs."""

    def __init__(self, *steps: Step) -> None:
        self.runner = ScriptRunner(Script("x", steps))
        self.commands: list[tuple[float, Command]] = []
        self.runner.start(0.0)
        self._take(0.0)

    def at(self, now: float, *events: Event) -> "Run":
        self._take(now)
        while (due := self.runner.get_timer()) is not None and due < now:
            self.runner.handle_timer(due)
            self._take(due)
        for event in events:
            self.runner.receive(event, now)
            self._take(now)
        return self

    def _take(self, now: float) -> None:
        while (command := self.runner.next_command()) is not None:
            self.commands.append((now, command))


def spoke(turn: int, began: float, ended: float, prompts: Sequence[str] = (), text: str | None = None) -> list[Event]:
    heard = tuple(HeardPrompt(name, began, 0.0, 0.9) for name in prompts)
    return [BotBegan(turn, began), BotSpoke(turn, began, ended, heard, text)]


def test_a_conversation_is_played_step_by_step() -> None:
    run = Run(WaitFor("speech"), Say(HELLO), WaitFor("prompt", "menu"), Press("12"), HangUp())
    run.at(1.0, *spoke(0, 0.2, 0.9))
    run.at(2.0, Said())
    run.at(4.0, *spoke(1, 2.5, 3.5, ["menu"]))
    run.at(5.0, Said())
    assert run.commands == [(1.0, Play(HELLO)), (4.0, PressKeys("12")), (5.0, EndCall())]
    assert run.runner.over and run.runner.failure is None


def test_a_turn_that_ended_before_the_step_began_is_not_missed() -> None:
    run = Run(Say(HELLO), WaitFor("speech"), WaitFor("speech"))
    run.at(1.0, *spoke(0, 0.2, 0.9)).at(2.0, Said())
    assert not run.runner.over, "the first turn was taken, the second is waited for"
    run.at(3.0, *spoke(1, 2.1, 2.6))
    assert run.runner.over and run.runner.failure is None


def test_a_wrong_prompt_is_no_slow_one() -> None:
    run = Run(WaitFor("prompt", "menu", 5_000))
    run.at(1.0, *spoke(0, 0.2, 0.9, ["goodbye"]))
    failure = run.runner.failure
    assert failure is not None and failure.kind == "wrong_prompt"
    assert failure.why == "heard instead: the prompt 'goodbye'"
    assert run.commands == [(1.0, EndCall())]


def test_words_are_compared_with_what_was_heard() -> None:
    run = Run(WaitFor("words", "opening hours"), WaitFor("words", "balance"))
    run.at(1.0, *spoke(0, 0.2, 0.9, text="our opening hours are"))
    run.at(2.0, *spoke(1, 1.2, 1.9, text="goodbye"))
    assert run.runner.failure is not None and run.runner.failure.why.startswith("heard instead: 'goodbye'; ")
    assert "`prompt:`" in run.runner.failure.why


def test_what_is_heard_before_the_answer_is_no_turn() -> None:
    runner = ScriptRunner(Script("x", (WaitFor("tone", "ringback"), WaitFor("speech", within_ms=2_000))))
    for event in (*spoke(0, 0.2, 2.2), ToneHeard("ringback", 2.2)):
        runner.receive(event, 2.3)
    runner.start(3.0)
    assert runner.step == 1, "the tone counts"
    runner.handle_timer(5.1)
    assert runner.failure is not None and runner.failure.kind == "silent"


def early(*steps: Step) -> ScriptRunner:
    """A runner that has heard two turns before the answer; the second is identified later."""
    runner = ScriptRunner(Script("x", steps))
    for event in (*spoke(0, 0.2, 2.2, ["closed"]), BotBegan(1, 2.5)):
        runner.receive(event, 2.6)
    return runner


def test_what_is_said_before_the_answer_can_be_waited_for() -> None:
    steps = (WaitFor("prompt", "closed", early=True), WaitFor("prompt", "hours", early=True), WaitFor("speech"))
    runner = early(*steps)
    runner.start(3.0)
    assert (runner.step, runner.over) == (1, False), "what the second turn was is not known yet"
    runner.receive(BotSpoke(1, 2.5, 2.9, (HeardPrompt("hours", 2.5, 0.0, 0.9),)), 3.1)
    assert runner.step == 2
    for event in spoke(2, 4.0, 5.0):
        runner.receive(event, 5.1)
    assert runner.over and runner.failure is None


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (WaitFor("prompt", "hours", early=True), "wrong_prompt"),
        (WaitFor("words", "good", early=True), "wrong_words"),
    ],
)
def test_another_announcement_before_the_answer_fails_whether_it_comes_or_not(step: WaitFor, kind: str) -> None:
    answered, refused = early(step, WaitFor("end")), early(step, WaitFor("end"))
    answered.receive(BotSpoke(1, 2.5, 2.9), 2.9)
    answered.start(3.0)
    refused.receive(BotSpoke(1, 2.5, 2.9), 2.9)
    refused.receive(Ended("bot"), 2.9)
    refused.unanswered(3.0)
    for runner in (answered, refused):
        assert runner.failure is not None and (runner.failure.kind, runner.failure.step) == (kind, 0)


def test_of_a_call_that_is_not_answered_only_what_came_before_is_judged() -> None:
    runner = early(WaitFor("tone", "ringback"), WaitFor("speech", early=True), WaitFor("speech", early=True), HangUp())
    runner.receive(BotSpoke(1, 2.5, 2.9), 2.9)
    runner.receive(Ended("bot"), 3.0)
    runner.unanswered(3.1)
    assert runner.failure is None
    runner = early(*(WaitFor("speech", early=True),) * 3)
    runner.receive(BotSpoke(1, 2.5, 2.9), 2.9)
    runner.unanswered(3.1)
    assert runner.failure is not None and (runner.failure.kind, runner.failure.step) == ("silent", 2)


@pytest.mark.parametrize("is_answered", [True, False])
def test_what_was_given_up_while_it_rang_stays_given_up(is_answered: bool) -> None:
    runner = ScriptRunner(Script("x", (HangUp(),)))
    runner.give_up("the call was not finished", "the load was stopped", "stopped")
    if is_answered:
        runner.start(1.0)
    else:
        runner.receive(Ended("bot", "480"), 1.0)
        runner.unanswered(1.0)
    assert runner.failure is not None and runner.failure.kind == "stopped"
    assert runner.next_command() == EndCall() and runner.next_command() is None


def test_a_call_that_lasts_too_long_is_given_up() -> None:
    run = Run(WaitFor("speech"))
    run.runner.give_up("too long", "it was")
    run.at(1.0, *spoke(0, 0.2, 0.9))
    assert run.commands == [(1.0, EndCall())]
    assert run.runner.failure is not None and run.runner.failure.kind == "too_long"


def test_silence_fails_at_the_deadline_but_a_speaker_is_heard_out() -> None:
    run = Run(WaitFor("speech", within_ms=3_000)).at(3.1)
    assert run.runner.failure is not None and run.runner.failure.kind == "silent"
    run = Run(WaitFor("speech", within_ms=3_000))
    run.at(2.9, BotBegan(0, 2.8)).at(9.0, BotSpoke(0, 2.8, 8.5))
    assert run.runner.failure is None and run.runner.over
    run = Run(WaitFor("speech", within_ms=3_000)).at(2.9, BotBegan(0, 2.8)).at(70.0)
    assert run.runner.failure is not None and run.runner.failure.kind == "endless"


def test_an_interruption_counts_from_the_first_sound() -> None:
    run = Run(Interrupt(1_500, STOP), WaitFor("speech"))
    run.at(2.0, BotBegan(0, 1.9)).at(3.5)
    assert run.commands == [(3.4, Play(STOP))]
    run.at(4.0, Said(), BotSpoke(0, 1.9, 3.6))
    assert not run.runner.over, "what was interrupted is not the answer"
    run.at(5.0, *spoke(1, 4.2, 4.8))
    assert run.runner.over and run.runner.failure is None


def test_an_interruption_of_nothing_fails() -> None:
    run = Run(Interrupt(500, STOP, within_ms=2_000)).at(2.1)
    assert run.runner.failure is not None and run.runner.failure.what == "there was nothing to interrupt"


def test_a_change_of_mind_breaks_off() -> None:
    run = Run(ChangeMind(HELLO, 400, STOP, 200), HangUp()).at(1.0, Said())
    assert [each for _, each in run.commands] == [Play(HELLO), BreakOff(), Play(STOP), EndCall()]
    assert [round(at, 6) for at, _ in run.commands] == [0.0, 0.4, 0.6, 1.0]


def test_holding_noise_and_waiting() -> None:
    run = Run(Noise(-40.0), Hold(1_000), Wait(500), HangUp()).at(2.0)
    assert run.commands == [(0.0, Background(-40.0)), (0.0, SetHold(True)), (1.0, SetHold(False)), (1.5, EndCall())]


def test_silence_is_counted_from_the_last_sound() -> None:
    run = Run(WaitFor("silence", silence_ms=2_000), HangUp())
    run.at(1.0, BotBegan(0, 1.0)).at(2.0, BotSpoke(0, 1.0, 1.3)).at(4.0)
    assert run.commands == [(3.3, EndCall())]


def test_tones_and_keys_are_waited_for_even_if_they_came_early() -> None:
    run = Run(Wait(1_000), WaitFor("tone", "beep"), WaitFor("keys", "34"), HangUp())
    run.at(0.5, ToneHeard("beep", 0.5), KeyHeard("1", 0.6), KeyHeard("3", 0.7), KeyHeard("4", 0.8)).at(1.1)
    assert run.runner.over and run.runner.failure is None


def test_keys_that_came_twice_are_named() -> None:
    run = Run(WaitFor("keys", "123", 1_000)).at(0.5, *(KeyHeard(key, 0.5) for key in "112233")).at(1.1)
    assert run.runner.failure is not None and run.runner.failure.kind == "keys_doubled"


def test_the_end_is_waited_for_or_fails_a_step() -> None:
    run = Run(WaitFor("end")).at(1.0, Ended("bot"))
    assert run.runner.over and run.runner.failure is None and run.commands == []
    run = Run(WaitFor("end", within_ms=2_000)).at(2.1)
    assert run.runner.failure is not None and run.runner.failure.kind == "no_bye"
    run = Run(WaitFor("speech"), HangUp()).at(1.0, Ended("bot"))
    assert run.runner.failure is not None and run.runner.failure.why == "the far end hung up before"


def test_a_turn_that_began_before_the_last_one_was_identified_is_heard_out() -> None:
    """What was said is known later than that something is said."""
    run = Run(WaitFor("speech"), WaitFor("speech", within_ms=2_000))
    run.at(1.0, BotBegan(0, 0.5)).at(2.0, BotBegan(1, 1.9)).at(2.2, BotSpoke(0, 0.5, 1.5))
    run.at(6.0)
    assert run.runner.failure is None and not run.runner.over, "it speaks at the deadline"
    run.at(6.5, BotSpoke(1, 1.9, 6.2))
    assert run.runner.over and run.runner.failure is None
    run = Run(WaitFor("silence", silence_ms=1_000), HangUp())
    run.at(1.0, BotBegan(0, 0.5)).at(2.0, BotBegan(1, 1.9)).at(2.2, BotSpoke(0, 0.5, 1.5)).at(4.0)
    assert not run.runner.over, "it speaks"
    run.at(4.1, BotSpoke(1, 1.9, 3.9)).at(5.0)
    assert run.commands == [(4.9, EndCall())]

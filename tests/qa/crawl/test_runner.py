"""A caller whose steps are chosen as the call goes, in virtual time."""

from collections.abc import Iterator

import pytest

from offhook.qa.crawl.graph import LISTEN, Action
from offhook.qa.crawl.runner import ChoosingRunner
from offhook.qa.script.events import BotBegan, BotSpoke, Command, EndCall, Ended, Event, Play, PressKeys, Said
from offhook.qa.script.runner import MAX_TURN_S
from offhook.qa.script.script import Script
from offhook.qa.script.steps import Speech

WAIT_S = 8.0


class Caller:
    """Chooses these actions, one after the other; `heard` are the texts after which it did."""

    def __init__(self, *actions: Action | None) -> None:
        self.heard: list[str] = []
        self._actions = iter(actions)
        self.runner = ChoosingRunner(Script("x", ()), WAIT_S, self._choose)
        self.runner.start(0.0)

    def _choose(self, text: str) -> Action | None:
        self.heard.append(text)
        return next(self._actions)

    def gets(self, event: Event, at_s: float) -> list[Command]:
        self.runner.receive(event, at_s)
        return list(self._commands())

    def until(self, at_s: float) -> None:
        while (due := self.runner.get_timer()) is not None and due <= at_s:
            self.runner.handle_timer(due)

    def _commands(self) -> Iterator[Command]:
        while (command := self.runner.next_command()) is not None:
            yield command


def spoke(turn: int, began_s: float, text: str) -> BotSpoke:
    return BotSpoke(turn, began_s, began_s + 1.0, (), text)


def test_it_does_what_is_chosen_after_each_turn_and_then_hangs_up() -> None:
    caller = Caller(Action("press", "1"), LISTEN, Action("say", "hours"), None)
    assert caller.gets(spoke(0, 1.0, "a"), 2.5) == [PressKeys("1")] and caller.runner.acted_s == 2.5
    assert caller.gets(Said(), 2.6) == []
    assert caller.gets(spoke(1, 3.0, "b"), 4.5) == []  # it listens
    assert caller.gets(spoke(2, 9.0, "c"), 10.5) == [Play(Speech("hours"))]
    assert caller.gets(Said(), 11.5) == []
    assert caller.gets(spoke(3, 12.0, "d"), 13.5) == [EndCall()]
    assert caller.heard == ["a", "b", "c", "d"] and caller.runner.over and caller.runner.failure is None


def test_turns_that_come_while_it_acts_are_not_missed() -> None:
    caller = Caller(Action("press", "1"), None)
    caller.gets(spoke(0, 1.0, "a"), 2.5)
    caller.gets(spoke(1, 2.0, "b"), 2.55)
    assert caller.gets(Said(), 2.6) == [EndCall()] and caller.heard == ["a", "b"]


@pytest.mark.parametrize(
    ("event", "until_s", "kind"),
    [(None, 2.5 + WAIT_S, "silent"), (BotBegan(1, 4.0), 4.0 + WAIT_S + MAX_TURN_S, "endless")],
)
def test_who_says_nothing_and_who_does_not_stop(event: Event | None, until_s: float, kind: str) -> None:
    caller = Caller(LISTEN)
    caller.gets(BotBegan(0, 1.0), 1.0)
    caller.gets(spoke(0, 1.0, "a"), 2.5)
    if event is not None:
        caller.gets(event, 4.0)
    caller.until(until_s)
    failure = caller.runner.failure
    assert failure is not None and failure.kind == kind and caller.heard == ["a"]


def test_who_hangs_up() -> None:
    caller = Caller(LISTEN)
    caller.gets(spoke(0, 1.0, "a"), 2.5)
    assert caller.gets(Ended("bot"), 5.0) == [] and caller.runner.over
    assert caller.runner.failure is not None and caller.runner.failure.kind == "ended"

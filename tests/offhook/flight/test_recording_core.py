"""Which calls of the turn core are recorded."""

import inspect

from offhook.flight.event_log import EventLog
from offhook.flight.recording_core import INPUTS, RecordingCore
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import Question
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.machine import Command, TurnSettings
from offhook.pipeline.turn.tables import Action

READ_ONLY = {"dump", "get_timer", "next_output"}
"""The methods that are no inputs."""


def test_every_input_of_the_core_is_recorded() -> None:
    public = {name for name, _ in inspect.getmembers(TurnCore, inspect.isfunction) if not name.startswith("_")}
    assert public == set(INPUTS) | READ_ONLY, "an input of the core takes `now`, or the log would lack it"
    assert all(getattr(RecordingCore, name) is not getattr(TurnCore, name) for name in INPUTS)


def test_no_argument_is_lost_on_the_way_to_the_core_and_the_log() -> None:
    """The log has an input's arguments in their order: one that can be given by name only would not be among them."""
    for name in INPUTS:
        kinds = {each.kind for each in inspect.signature(getattr(TurnCore, name)).parameters.values()}
        assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}, name
    log = EventLog({})
    core = RecordingCore(TurnSettings(filler_ms=500), SilencePolicy(500), log)
    core.cover_dialog(True, 1.0)
    core.owe(True, now=1.0)
    core.expect(Question(), 1.0, again=True)
    core.watch(1.0)
    assert ("i", "expect", [Question(), 1.0, True, False]) in log.take()
    core.handle_timer(1.6)
    assert core.next_output() == Command(Action.FILL), "the bot still owes its reply"


def test_nor_one_behind_another_that_is_left_out() -> None:
    log = EventLog({})
    core = RecordingCore(TurnSettings(filler_ms=500), SilencePolicy(500), log)
    core.cover_dialog(True, 1.0)
    core.owe_greeting(1.0)
    core.expect(Question(), 1.0, awaited=True)
    core.watch(1.0)
    assert ("i", "expect", [Question(), 1.0, False, True]) in log.take()
    core.handle_timer(1.6)
    assert core.next_output() is None, "the caller is to speak"

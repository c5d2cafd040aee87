"""Which calls of the turn core are recorded."""

import inspect

from offhook.flight.recording_core import INPUTS, RecordingCore
from offhook.pipeline.turn.core import TurnCore

READ_ONLY = {"dump", "get_timer", "next_output"}
"""The methods that are no inputs."""


def test_every_input_of_the_core_is_recorded() -> None:
    public = {name for name, _ in inspect.getmembers(TurnCore, inspect.isfunction) if not name.startswith("_")}
    assert public == set(INPUTS) | READ_ONLY, "an input of the core takes `now`, or the log would lack it"
    assert all(getattr(RecordingCore, name) is not getattr(TurnCore, name) for name in INPUTS)

"""What callers do in the tests of the core."""

from offhook.pipeline.turn.tables import Action
from tests.pipeline.turn.test_core import Talk


def turn(talk: Talk, seconds: float = 1.0) -> list[Action]:
    """The caller speaks and is silent for long enough."""
    talk.start()
    talk.confirm()
    talk.wait(seconds)
    talk.stop()
    talk.wait(0.5)
    return talk.actions

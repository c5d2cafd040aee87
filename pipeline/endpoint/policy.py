"""What decides how long a silence ends the caller's turn."""

from typing import Protocol

from offhook.pipeline.events import Question


class EndpointPolicy(Protocol):
    """Asked when speech has stopped."""

    def wait_ms(self, question: Question | None, spoken_ms: int, partial: str) -> int:
        """How many milliseconds of silence, from the last audible sample on, end the turn; not negative.

        `question` is what the caller answers (None: nothing was asked), `spoken_ms` how long the turn has lasted
        up to the silence, `partial` what has been recognised of it ("" if nothing is known).
        Pure: the same answer for the same arguments.
        """
        ...

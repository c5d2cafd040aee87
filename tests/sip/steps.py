"""How many steps the stateful tests take: some in the tests, as many as wanted by `python -m tests.sip.storms`."""

from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant

PER_RUN = 25


class Counted(RuleBasedStateMachine):
    """A state machine whose steps are counted, all machines together."""

    taken: ClassVar[list[int]] = [0]

    @invariant()
    def count(self) -> None:
        self.taken[0] += 1


def some(steps: int) -> settings:
    """Enough runs for so many steps."""
    return settings(
        max_examples=max(1, steps // PER_RUN),
        stateful_step_count=PER_RUN,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )

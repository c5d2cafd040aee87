"""One of many calls: placed like any other; what it has kept is looked through by another thread, after its end."""

from collections.abc import Sequence
from time import monotonic

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.qa.load.analyst import Analyst
from offhook.qa.load.tally import MEASURES, Outcome
from offhook.qa.one_call import OneCall
from offhook.qa.result import not_run
from offhook.qa.verdict.measures import figures
from offhook.usererror import UserError

PACKETS_A_SECOND = 50

STOPPED = "stopped"
"""The kind of failure of a call that was ended because the load was."""


class LoadCall(OneCall):
    """A call of a load. `run` it once."""

    def stop(self) -> None:
        """Hang up; at once, or when it is answered."""
        self.call.give_up("the call was not finished", "the load was stopped", STOPPED)

    @property
    def lately_late_ms(self) -> Sequence[float]:
        """How late the packets of the last second left."""
        return self.call.late_ms[-PACKETS_A_SECOND:]

    @property
    def is_stopped(self) -> bool:
        """Whether it was ended by `stop`: then it is not judged."""
        return self.call.failure is not None and self.call.failure.kind == STOPPED

    @property
    def needs_record(self) -> bool:
        """Whether something is expected of it: asking for hundreds of records is a load of its own."""
        return self.script.expect.needs_record and not self.is_stopped

    async def run(self, analyst: Analyst) -> Outcome:
        """Place it, and judge it when it is over."""
        began = monotonic()
        try:
            await self.place()
        except (UserError, EngineError) as error:
            return Outcome(not_run(self.script.name, self.script.where, monotonic() - began, error))
        return await analyst.do(self._outcome)

    def _outcome(self) -> Outcome:
        seen = self.observed()
        values = {name: [each.value for each in figures(seen, name)] for name in MEASURES}
        # Whatever has passed is counted, and not kept.
        return Outcome(self.judged(seen, in_full=False), values, np.array(self.call.late_ms))

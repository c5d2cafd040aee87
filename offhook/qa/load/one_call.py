"""One of many calls: placed like any other; what it has kept is looked through by another thread, after its end."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

import numpy as np

from offhook.pipeline.errors import EngineError
from offhook.qa.bot import record_of
from offhook.qa.caller.observe import observed
from offhook.qa.caller.scripted_call import Leg, Prepared, ScriptedCall
from offhook.qa.load.analyst import Analyst
from offhook.qa.load.tally import MEASURES, Outcome
from offhook.qa.result import Result, not_run
from offhook.qa.run import RunSettings, as_details, placed, target_of
from offhook.qa.script.script import Script
from offhook.qa.verdict.judge import judge
from offhook.qa.verdict.measures import figures
from offhook.usererror import UserError

PACKETS_A_SECOND = 50

STOPPED = "stopped"
"""The kind of failure of a call that was ended because the load was."""


class OneCall:
    """A call of a load. `run` it once; what was heard and sent is then there until it is dropped."""

    def __init__(self, script: Script, prepared: Prepared, settings: RunSettings) -> None:
        self.script = script
        self._settings = settings
        self.call = ScriptedCall(script, prepared)
        self.leg: Leg | None = None

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

    async def run(self, analyst: Analyst) -> Outcome:
        """Place it, and judge it when it is over."""
        began = monotonic()
        try:
            leg = self.leg = await placed(self.call, target_of(self.script, self._settings), self._settings)
            record = None
            needs_record = self.script.expect.needs_record and leg.signalling.answered_s is not None
            if needs_record and self._settings.http is not None and not self.is_stopped:
                record = await asyncio.to_thread(record_of, self._settings.http, leg.call_id)
        except (UserError, EngineError) as error:
            return Outcome(not_run(self.script.name, self.script.where, monotonic() - began, error))
        seconds = monotonic() - began
        return await analyst.do(lambda: self._judged(leg, record, seconds))

    def _judged(self, leg: Leg, record: Mapping[str, Any] | None, seconds: float) -> Outcome:
        seen = observed(self.call, leg, record)
        findings = tuple(judge(self.script, seen))
        # Whatever has passed is counted, and not kept.
        details = as_details(self.script, seen) if findings else {}
        result = Result(self.script.name, self.script.where, seconds, findings, details)
        values = {name: [each.value for each in figures(seen, name)] for name in MEASURES}
        return Outcome(result, values, np.array(self.call.late_ms))

"""One call by a script: placed over whatever its target is called by, and judged when it is over."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from offhook.cli.running_bot import RunningBot
from offhook.ladder.redact import redacted_text
from offhook.qa.bot import record_of
from offhook.qa.caller.observe import observed
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.caller.scripted_call import Leg, Prepared, ScriptedCall
from offhook.qa.caller.stream_call import StreamCall
from offhook.qa.result import Result
from offhook.qa.script.expect import MEASURES
from offhook.qa.script.script import Script, is_stream
from offhook.qa.verdict.judge import judge
from offhook.qa.verdict.measures import figures
from offhook.qa.verdict.observed import HttpRequest, ObservedCall
from offhook.usererror import UserError


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What a run needs besides the scripts: where the bot is (`target`, of `sip:` or `ws:`; empty: the scripts say),
    the bot's pages (None: it is another's), its authorities for TLS, where audio is saved, whether results keep the
    recording of their call, how often each script is run, and whether personas are recorded anew."""

    target: str = ""
    http: RunningBot | None = None
    authorities: Path | None = None
    save: Path | None = None
    keep_recordings: bool = False
    repeat: int = 1
    record_personas: bool = False


class OneCall:
    """A call by a script. `place` it once; what was heard and sent is then there until it is dropped."""

    def __init__(
        self, script: Script, prepared: Prepared, settings: RunSettings, recorder: LineRecorder | None = None
    ) -> None:
        self.script = script
        self.call = ScriptedCall(script, prepared, recorder)
        self.leg: Leg | None = None
        self.record: Mapping[str, Any] | None = None
        """That of the bot, if it was asked for and is there."""
        self.seconds = 0.0
        """How long it took, set-up and record included."""
        self._settings = settings

    @property
    def needs_record(self) -> bool:
        """Whether the bot is asked for its record once the call is over."""
        return True

    async def place(self) -> Leg:
        """Place it; it is over then. Raises UserError, EngineError."""
        began, http = monotonic(), self._settings.http
        leg = self.leg = await self._placed(target_of(self.script, self._settings))
        if http is not None and leg.signalling.answered_s is not None and self.needs_record:
            self.record = await asyncio.to_thread(record_of, http, leg.call_id)
        self.seconds = monotonic() - began
        return leg

    async def _placed(self, target: str) -> Leg:
        if not is_stream(target):
            return await self.call.by_sip(target, self._settings.authorities)
        leg = StreamCall(self.script.call, self.call)
        await self.call.run(leg, leg.dial(target))
        return leg

    def observed(self, requests: tuple[HttpRequest, ...] = ()) -> ObservedCall:
        """What was seen and heard of a call that was placed; `requests` came to the HTTP double meanwhile."""
        assert self.leg is not None, "it was placed"
        return observed(self.call, self.leg, self.record, requests)

    def judged(self, seen: ObservedCall, *, in_full: bool = True) -> Result:
        """The verdict; the details of a call that has passed only `in_full`."""
        findings = tuple(judge(self.script, seen))
        details = as_details(self.script, seen) if in_full or findings else {}
        return Result(self.script.name, self.script.where, self.seconds, findings, details)


def target_of(script: Script, settings: RunSettings) -> str:
    """Who is called. Raises UserError if nobody is."""
    target = settings.target or script.call.target
    if not target:
        todo = "--target HOST:PORT, --bot flow.yaml, or `target` below `call`"
        raise UserError("nobody is called", f"{script.where} has no target, and none is given", todo)
    return target


def as_details(script: Script, seen: ObservedCall) -> Mapping[str, Any]:
    """What was seen, as plain values; of what was signalled the secrets are taken out."""
    transfer_to = None if seen.transfer_to is None else redacted_text(seen.transfer_to)
    plain = asdict(replace(seen, record=None, messages=(), transfer_to=transfer_to))
    del plain["messages"]
    return {
        "seed": script.seed,
        "figures": {name: [each._asdict() for each in figures(seen, name)] for name in MEASURES},
        "call": plain | {"record": None if seen.record is None else dict(seen.record)},
        "sip": [asdict(replace(each, text=redacted_text(each.text))) for each in seen.messages],
    }

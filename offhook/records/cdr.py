"""The call detail record (CDR), with Asterisk's field names where it has them: `uniqueid`, `src`, `billsec` …"""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from offhook.observe.log import escape_control, hide_password

MAX_NAME_CHARS = 256
MAX_TEXT_CHARS = 4_096


class Disposition(StrEnum):
    """A call's disposition, in Asterisk's spelling."""

    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO ANSWER"
    BUSY = "BUSY"
    FAILED = "FAILED"


class EndedBy(StrEnum):
    """Who ended a call."""

    CALLER = "caller"
    BOT = "bot"
    OPERATOR = "operator"
    """The bot, for a reason outside the conversation: drain, time limit."""
    NETWORK = "network"
    CRASH = "crash"


def clean_text(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Text that is safe to store and show: cut to `limit` characters, control characters escaped."""
    return escape_control(text[:limit])


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The nearest-rank percentile: one of the values; None without any."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class CallClock:
    """One reading of both clocks at the call's start; later times follow from the monotonic clock alone.

    So setting the wall clock during a call changes neither durations nor the order of times.
    """

    start_wall: datetime
    start_now: float

    @classmethod
    def started(cls, now: float) -> Self:
        """Read the wall clock; `now` is the same moment, monotonic."""
        return cls(datetime.now(UTC), now)

    @classmethod
    def of(cls, wall: str, now: float) -> Self:
        """The clock of a record made elsewhere: its time `wall` was at `now`. ValueError if `wall` is not a time."""
        return cls(datetime.fromisoformat(wall), now)

    def wall(self, now: float) -> str:
        """UTC, ISO 8601 with milliseconds: "2025-01-31T23:59:59.123Z"."""
        moment = self.start_wall + timedelta(seconds=now - self.start_now)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def elapsed_s(self, now: float) -> float:
        """Since the start, in whole milliseconds."""
        return round(max(0.0, now - self.start_now), 3)


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One thing said. `at_s` counts from the call's start; `who` is "caller" or "bot".

    For the bot `heard` and `unheard` are the parts of `text` that were and were not played to the caller. `final`
    is false for words of a partial, whose final had not come; it may follow in a line with the same time. For the
    caller `choice` is the choice they made, None if the text matched none, `value` the value that was understood,
    and `confidence` how sure that is; `typed`: they typed it; `rejected`: it was no answer, because it was too
    uncertain, matched no choice, or was not meant for the question. `engine` is the recogniser or the voice
    (several, in their order, for an utterance that changed voices); None: none was needed, as for keys.
    """

    at_s: float
    who: str
    text: str
    heard: str | None = None
    unheard: str | None = None
    final: bool = True
    confidence: float | None = None
    choice: str | None = None
    typed: bool = False
    rejected: bool = False
    value: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call.

    Times are `CallClock.wall` strings; `duration` (of all) and `billsec` (since the answer) are in seconds.
    Made by `begun`, updated by `answered` and `ended`. `transcript` is filled for a single call that is read or
    written as a whole, and empty in lists. `engines` has what each engine did: `part` (asr, tts), `engine`, its `uses`
    by outcome, `audio_s`, `characters`, and `cost` in the currency of the settings' prices. `agent` is None for a call
    without one; else it has the sums `input_tokens`, `output_tokens`, `cost`, a list of `models` (`model`, `replies`,
    `failed`, `retried`, the tokens, `cost`), one of `tools` (`tool`, `runs`, `failed`, `seconds`), and in `speculation`
    how many replies that were begun early were `used` or `dropped`, the `wasted_tokens` and the time `saved_s`. `trunk`
    is the name of the trunk by which the call came or went, empty for others. A call that the bot placed has an
    `outcome` (`calls.outcome`: "answered", "busy" …), with the `sip_status` and the `q850` cause behind it, as far as
    there are any; `ring_s` is how long it rang, None if it never did, and `answered_by` who or what was heard
    (`Call.answered_by`), None where nothing was. `early_media_s` is how long the bot spoke before it answered a call
    that came in, or until its end if it never did; None where it did not. `consent` is what the caller said to being
    recorded: "given", "refused", or "announced" where they were only informed; None where nothing was noted. `part_of`
    is the `uniqueid` of the call that this one is a leg of, None for calls of their own. `queue` is the queue that the
    caller waited in (the latest one), for `queue_wait_s` until an agent, `queue_agent`, talked to them, or without one
    until they waited no longer; None where they did not.
    """

    uniqueid: str
    src: str
    dst: str
    start: str
    answer: str | None = None
    end: str | None = None
    duration: float = 0.0
    billsec: float = 0.0
    disposition: Disposition = Disposition.NO_ANSWER
    direction: str = "inbound"
    transport: str = "udp"
    call_id: str = ""
    ended_by: str | None = None
    end_reason: str | None = None
    turns: int = 0
    barge_ins: int = 0
    response_p50_ms: float | None = None
    response_p95_ms: float | None = None
    rtp: Mapping[str, float] = field(default_factory=dict)
    recording: str | None = None
    recording_truncated: bool = False
    engines: tuple[Mapping[str, object], ...] = ()
    agent: Mapping[str, object] | None = None
    trunk: str = ""
    outcome: str | None = None
    sip_status: int | None = None
    q850: int | None = None
    ring_s: float | None = None
    answered_by: str | None = None
    early_media_s: float | None = None
    consent: str | None = None
    part_of: str | None = None
    queue: str | None = None
    queue_wait_s: float | None = None
    queue_agent: str | None = None
    transcript: tuple[TranscriptLine, ...] = ()

    @classmethod
    def begun(  # noqa: PLR0913  # what a record begins with
        cls,
        clock: CallClock,
        *,
        src: str,
        dst: str,
        call_id: str,
        direction: str = "inbound",
        transport: str = "udp",
        trunk: str = "",
        uniqueid: str | None = None,
        part_of: str | None = None,
    ) -> Self:
        """The record of a new call. `src`, `dst`, `call_id` may be any text; `uniqueid` None: a new one."""
        return cls(
            uniqueid=uniqueid or uuid.uuid4().hex,
            src=clean_text(hide_password(src[:MAX_TEXT_CHARS]), MAX_NAME_CHARS),
            dst=clean_text(hide_password(dst[:MAX_TEXT_CHARS]), MAX_NAME_CHARS),
            start=clock.wall(clock.start_now),
            call_id=clean_text(call_id, MAX_NAME_CHARS),
            direction=direction,
            transport=transport,
            trunk=trunk,
            part_of=part_of,
        )

    def answered(self, clock: CallClock, now: float) -> Self:
        """The same call, answered at `now`."""
        return replace(self, answer=clock.wall(now), disposition=Disposition.ANSWERED)

    def ended(
        self,
        clock: CallClock,
        now: float,
        *,
        answered_now: float | None,
        ended_by: EndedBy,
        end_reason: str,
        disposition: Disposition | None = None,
    ) -> Self:
        """The same call, ended at `now`; `answered_now` is the `now` of `answered`, None if nobody answered.

        `end_reason` is for people: "caller hung up", "no media for 15 s". `disposition` overrides the current one.
        """
        return replace(
            self,
            end=clock.wall(now),
            duration=clock.elapsed_s(now),
            billsec=0.0 if answered_now is None else round(max(0.0, now - answered_now), 3),
            disposition=disposition or self.disposition,
            ended_by=str(ended_by),
            end_reason=clean_text(end_reason, MAX_NAME_CHARS),
        )

    def with_responses(self, response_ms: Iterable[float]) -> Self:
        """The same call with the percentiles of its response times."""
        values = list(response_ms)
        return replace(self, response_p50_ms=percentile(values, 50), response_p95_ms=percentile(values, 95))

    def to_dict(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        plain: dict[str, object] = {one.name: getattr(self, one.name) for one in fields(self)}
        plain["disposition"] = str(self.disposition)
        plain["rtp"] = dict(self.rtp)
        plain["agent"] = None if self.agent is None else dict(self.agent)
        plain["engines"] = [dict(each) for each in self.engines]
        plain["transcript"] = [asdict(line) for line in self.transcript]
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> Self:
        """The inverse of `to_dict`; unknown names are ignored. TypeError, ValueError for anything but a record."""
        names = {one.name for one in fields(cls)}
        values: dict[str, object] = {name: value for name, value in plain.items() if name in names}
        lines = values.get("transcript", ())
        if not isinstance(lines, list | tuple):
            raise TypeError("transcript is not a list")
        values["transcript"] = tuple(TranscriptLine(**line) for line in lines)
        values["trunk"] = values.get("trunk") or ""  # of a table that had none
        values["engines"] = tuple(values.get("engines") or ())  # type: ignore[arg-type]  # likewise
        values["disposition"] = Disposition(str(values.get("disposition", Disposition.NO_ANSWER)))
        return cls(**values)  # type: ignore[arg-type]  # names checked, values our own writing

"""Plays the tests of a flow: a call without audio in virtual time, by the turns and the flow of a real one."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent
from offhook.api.flow_requests import value_in
from offhook.api.turns import Said
from offhook.calls.switches import check_setting
from offhook.flow_function import FlowFunction, WrongResultError
from offhook.flow_tools.case import Case, Expected, Move, Reply, Sent
from offhook.flow_tools.case_file import CaseFile
from offhook.flow_tools.ends import Ends
from offhook.flow_tools.offline import forget, offline
from offhook.flow_tools.sent import otherwise_sent
from offhook.http_request import HttpRequest, HttpRequestError
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.take import TakeStep
from offhook.pipeline.trace import DialogState
from offhook.qa.coverage.walked import Entered
from offhook.qa.result import Result
from offhook.qa.verdict.judge import Deviation
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import NothingHappensError, run
from offhook.usererror import UserError, did_you_mean

HEARS_WITHIN_S = 90.0
"""Of virtual time: the prompts before, and a silence or two, go by meanwhile."""

ENDS_WITHIN_S = 300.0

SHOWN = 6
"""Of what was said, where something else was expected."""

SHORTEST_S = 0.4
"""A "no" of 60 ms a character would be taken for a noise."""


def spoken_s(text: str) -> float:
    """How long it takes to say."""
    return max(SHORTEST_S, 0.06 * len(text))


class Clock:
    """The time of day in a call that began at `began`, on the loop's clock."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self._loop = asyncio.get_running_loop()
        self._from_s = self._loop.time()

    def __call__(self) -> datetime:
        return self._began + timedelta(seconds=self._loop.time() - self._from_s)


class Servers:
    """The servers of a case, and the functions: they answer what the case says, and keep what they were asked."""

    def __init__(self, replies: Mapping[str, Sequence[Reply]], functions: Mapping[str, Sequence[Reply]]) -> None:
        self._replies = replies
        self._functions = functions
        self.asked: list[str] = []
        self.sent: list[Sent] = []
        self.called: list[str] = []

    def unanswered(self) -> Iterator[Deviation]:
        """The requests and functions that the case has no answer to."""
        for what in dict.fromkeys(self.asked):
            if not self._replies.get(what):
                why = f"`requests` has {', '.join(self._replies) or 'none'}"
                yield Deviation("no_answer", f"the test has no answer to {what}", why)
        for name in dict.fromkeys(self.called):
            if not self._functions.get(name):
                why = f"`functions` has {', '.join(self._functions) or 'none'}"
                yield Deviation("no_answer", f"the test has no result of {name}", why)

    async def send(self, request: HttpRequest, values: Mapping[str, Any]) -> str:
        """See Send."""
        what = f"{request.method} {request.address(values)}"
        self.asked.append(what)
        self.sent.append(Sent(what, json.dumps(request.content(values)), request.headers, request.form))
        replies = self._replies.get(what)
        if not replies:
            raise HttpRequestError(f"the test has no answer to {what}")
        reply = await _in_turn(replies, self.asked.count(what))
        if reply.status is not None and reply.status >= 300:
            raise HttpRequestError(f"status {reply.status}", status=reply.status)
        return reply.text

    async def call_function(self, call: Call, function: FlowFunction, arguments: Mapping[str, object]) -> object:
        """See CallFunction."""
        self.called.append(function.name)
        replies = self._functions.get(function.name)
        if not replies:
            raise WrongResultError(f"the test has no result of {function.name}")
        reply = await _in_turn(replies, self.called.count(function.name))
        if reply.status != HTTPStatus.OK:
            raise WrongResultError("the test lets it fail")
        return value_in(reply.text)


async def _in_turn(replies: Sequence[Reply], number: int) -> Reply:
    """The one for that time, counted from 1; where it is none, there is no end."""
    reply = replies[min(number, len(replies)) - 1]
    if reply.status is None:
        await asyncio.Event().wait()  # until the step's time is up
    return reply


def play(flow: Flow, file: CaseFile, case: Case) -> tuple[Result, list[Entered]]:
    """One call of the flow: what was not as expected, and its walk."""
    began = time.monotonic()
    servers = Servers(case.replies, case.functions)
    try:
        found, walk = run(_call(flow, case, servers))
    except NothingHappensError:
        found, walk = [Deviation("stuck", "the flow waits for ever", "nothing would happen any more")], []
    except Exception as error:  # noqa: BLE001  # whatever ends a call
        found, walk = [Deviation("failed", "the flow failed", f"{type(error).__name__}: {error}")], []
    details = {"steps": [each.name for each in walk], "requests": servers.asked, "functions": servers.called}
    return Result(case.name, str(file.path), time.monotonic() - began, tuple(found), details), walk


async def _call(flow: Flow, case: Case, servers: Servers) -> tuple[list[Deviation], list[Entered]]:
    unknown = _unknown_switch(flow, case) or _unknown_queue(flow, case)
    if unknown is not None:
        return [unknown], []
    now = None if case.now is None else Clock(case.now)
    agent = FlowAgent(offline(flow), None, servers.send, now, asks_models=False, call_function=servers.call_function)
    ends, found, switches = Ends(case), list[Deviation](), dict(case.switches)
    async with SimulatedCall(
        agent,
        caller=case.caller,
        called=case.called,
        language=case.language,
        variables=case.variables,
        transfers=case.transfers,
        transfer_ends_of=ends.transfer,
        queue_ends_of=ends.queue if case.queue_ends else None,
        taken_of=ends.take,
        shields=case.secrets,
        on_message=forget,
        switches=switches,
    ) as caller:
        heard = 0  # so many lines of the transcript when something was heard last
        with suppress(_Unheard):
            for move in case.talk:
                await _do(caller, move, switches, heard, found)
                if move.does == "hears":
                    heard = len(caller.transcript)
        if case.expected.awaits_end and not found:
            with suppress(TimeoutError):
                async with asyncio.timeout(ENDS_WITHIN_S):
                    await caller.over.wait()
        ended = _ending(caller)
    walk = [Entered(each.name, each.by) for each in caller.events if isinstance(each, DialogState)]
    if not found:
        found += _judged(case.expected, caller, ended, [each.name for each in walk], servers)
    if found:
        found += servers.unanswered()
    return found, walk


def _unknown_switch(flow: Flow, case: Case) -> Deviation | None:
    """What the case sets that the flow does not have."""
    meanwhile = [(move.setting, move.line) for move in case.talk if move.setting is not None]
    for (name, value), line in [*((each, case.line) for each in case.switches.items()), *meanwhile]:
        try:
            check_setting(flow.switches, name, value)
        except UserError as error:
            return Deviation("switches", error.problems[0].what, error.problems[0].why, line=line)
    return None


def _unknown_queue(flow: Flow, case: Case) -> Deviation | None:
    """A queue that the case has an end for, and that no step of the flow has anything to do with."""
    known = sorted({step.queue for step in flow.steps.values() if isinstance(step, QueueStep | TakeStep)})
    for name in case.queue_ends:
        if name not in known:
            why = did_you_mean(name, known) if known else "it has no `queue` and no `take` step"
            return Deviation("queues", f"the flow has no queue `{name}`", why, line=case.line)
    return None


class _Unheard(Exception):
    """The rest of the talk would make no sense."""


async def _do(caller: SimulatedCall, move: Move, switches: dict[str, str], heard: int, found: list[Deviation]) -> None:
    if caller.over.is_set() and move.does != "hears":
        found.append(
            Deviation("over", f"the call is over before `{move.does}: {move.what}`", _said(caller), line=move.line)
        )
        raise _Unheard
    try:
        match move.does:
            case "hears":
                await caller.hears(move.what, within_s=HEARS_WITHIN_S)
            case "begins_to_hear":
                await caller.begins_to_hear(move.what, within_s=HEARS_WITHIN_S)
            case "says":
                await caller.says(move.what, seconds=spoken_s(move.what))
            case "presses":
                await caller.presses(move.what)
            case "waits":
                await caller.waits(float(move.what))
            case "sets" if move.setting is not None:
                switches.update((move.setting,))
            case "hangs_up":
                await caller.hangs_up()
    except AssertionError:
        what = f"the bot did not say {move.what!r}"
        found.append(Deviation("not_heard", what, _talk(caller.transcript[heard:][:SHOWN]), line=move.line))
        raise _Unheard from None


def _said(caller: SimulatedCall) -> str:
    """The end of the talk, as the reason of a failure."""
    return _talk(caller.transcript[-SHOWN:])


def _talk(said: Sequence[Said]) -> str:
    return " | ".join(f"{each.who}: {each.text}" for each in said) or "nobody had said anything"


def _ending(caller: SimulatedCall) -> str:
    if caller.transferred_to is not None:
        return "transferred"
    return "bot hangs up" if caller.bot_hung_up else "caller hangs up"


def _judged(
    expected: Expected, caller: SimulatedCall, ended: str, steps: list[str], servers: Servers
) -> Iterator[Deviation]:
    if expected.ends not in (None, ended):
        yield Deviation(
            "ended", f"the call ended otherwise: {ended}", f"`{expected.ends}` was expected; {_said(caller)}"
        )
    if expected.transferred_to not in (None, caller.transferred_to):
        why = f"`{expected.transferred_to}` was expected"
        yield Deviation("transferred", f"the caller was transferred to {caller.transferred_to or 'nobody'}", why)
    if expected.reason not in (None, caller.call.end_reason):
        what = f"the reason of the end is `{caller.call.end_reason}`"
        yield Deviation("reason", what, f"`{expected.reason}` was expected")
    if expected.steps is not None and list(expected.steps) != steps:
        what = f"other steps were taken: {', '.join(steps) or 'none'}"
        yield Deviation("steps", what, f"expected: {', '.join(expected.steps)}")
    if expected.requests is not None:
        yield from _requests(expected.requests, servers)
    for text in expected.never_said:
        for said in caller.transcript:
            if said.who == "bot" and text.lower() in said.text.lower():
                yield Deviation("said", f"the bot said {said.text!r}", f"`{text}` must not be said")


def _requests(expected: Sequence[Sent], servers: Servers) -> Iterator[Deviation]:
    wanted = [each.what for each in expected]
    if wanted != servers.asked:
        what = f"other requests were sent: {', '.join(servers.asked) or 'none'}"
        yield Deviation("requests", what, f"expected: {', '.join(wanted) or 'none'}")
        return
    for each, sent in zip(expected, servers.sent, strict=True):
        yield from otherwise_sent(each, sent)

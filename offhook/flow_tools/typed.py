"""A call of a flow by typing: what the bot says is printed, what the caller says is asked for. Time stands still
meanwhile, and jumps to what happens next, so that nobody waits for prompts or silences."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any

from offhook.api.call import Call
from offhook.api.flow_dialog import FlowAgent
from offhook.api.flow_requests import value_in
from offhook.flow_function import FlowFunction, WrongResultError
from offhook.flow_tools.offline import forget, offline
from offhook.flow_tools.play import Clock, spoken_s
from offhook.http_request import HttpRequest, HttpRequestError
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.limits import KEYS
from offhook.pipeline.trace import BotHeard, BotSpoke, DialogState, SessionEvent
from offhook.testing.simulated_call import SimulatedCall
from offhook.usererror import plain

QUIET_S = 0.4
"""After so long without an event the bot listens, or waits for something."""
LOOK_S = 0.1
ANSWERS_WITHIN_S = 6.0
"""Of virtual time: a bot that says nothing for longer may be waiting for the next line."""
SILENT_S = 600.0

SOUND = "(a sound)"
"""A recording in which nothing is said, such as the beep before a message."""

_REFUSED = re.compile(r"status ([345][0-9]{2})")

HELP = "type what the caller says; keys behind a #: #1, #4711#; an empty line: nothing is said; Ctrl-D: hang up"


class TypedCall:
    """One call: `read` returns a line (EOFError: there is no other), `write` prints one. `verbose`: steps, too. `now`
    is the time of the flow's expressions when it begins (None: the real one); without `transfers` they all fail;
    `switches` are set to these values."""

    def __init__(
        self,
        flow: Flow,
        read: Callable[[str], str],
        write: Callable[[str], None],
        *,
        verbose: bool,
        now: datetime | None = None,
        transfers: bool = True,
        switches: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._flow = offline(flow)
        self._now = now
        self._transfers = transfers
        self._switches = switches
        self._read = read
        self._write: Callable[[str], None] = lambda line: write(plain(line))
        self._verbose = verbose
        self._last_s = 0.0
        self._speaking = 0
        self._goes_on = asyncio.Event()

    async def run(self, caller: str, called: str, language: str) -> None:
        """Until one of both hangs up."""
        self._write(HELP)
        agent = FlowAgent(
            self._flow,
            None,
            self._send,
            None if self._now is None else Clock(self._now),
            asks_models=False,
            call_function=self._call_function,
        )
        async with SimulatedCall(
            agent,
            caller=caller,
            called=called,
            language=language,
            transfers=self._transfers,
            on_message=forget,
            switches=self._switches,
        ) as call:
            call.on_event = lambda event: self._show(event, call.now)
            end = asyncio.ensure_future(self._notice_end(call))
            try:
                while await self._listens(call):
                    await self._do(call, self._read("> ").strip())
            except EOFError:
                self._write("you hang up")
                return
            finally:
                end.cancel()
            where = call.transferred_to
        self._write("the bot hangs up" if where is None else f"you are connected to {where}")

    async def _notice_end(self, call: SimulatedCall) -> None:
        await call.over.wait()
        self._goes_on.set()

    async def _listens(self, call: SimulatedCall) -> bool:
        """Wait until the bot has said everything; false: the call is over."""
        while not call.over.is_set():
            left_s = QUIET_S - (call.now - self._last_s)
            if not self._speaking and left_s <= 0:
                return True
            await asyncio.sleep(max(left_s, LOOK_S))
        return False

    async def _do(self, call: SimulatedCall, line: str) -> None:
        self._goes_on.clear()
        if line[:1] == "#" and line[1:] and set(line[1:]) <= set(KEYS):
            await call.presses(line[1:])
        elif line:
            await call.says(line, seconds=spoken_s(line))
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERS_WITHIN_S if line else SILENT_S):
                await self._goes_on.wait()

    def _show(self, event: SessionEvent, now: float) -> None:
        self._last_s = now
        if isinstance(event, BotSpoke):
            self._speaking += 1
            self._goes_on.set()
            self._write(event.text or SOUND)
        elif isinstance(event, BotHeard):
            self._speaking -= 1
        elif isinstance(event, DialogState) and self._verbose:
            self._write(f"[{event.name}]" + (f"  {event.by}" if event.by else ""))

    async def _call_function(self, call: Call, function: FlowFunction, arguments: Mapping[str, object]) -> object:
        """See CallFunction: as `_send`."""
        self._write(f"{function.name}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})")
        try:
            result = self._read("its result (JSON; empty: it fails)> ").strip()
        except EOFError:
            result = ""
        if not result:
            raise WrongResultError("it fails")
        return value_in(result)

    async def _send(self, request: HttpRequest, values: Mapping[str, Any]) -> str:
        """See Send: the one who types is the server, too."""
        content = request.content(values)
        kind = " form" if request.form else ""
        shown = "" if content is None else f"{kind} {json.dumps(content, ensure_ascii=False)}"
        self._write(f"{request.method} {request.address(values)}{shown}")
        try:
            answer = self._read("its answer (JSON, or status 404; empty: none comes)> ").strip()
        except EOFError:
            answer = ""
        if not answer:
            raise HttpRequestError("nobody has answered")
        if (refused := _REFUSED.fullmatch(answer)) is not None:
            raise HttpRequestError(answer, status=int(refused[1]))
        return answer

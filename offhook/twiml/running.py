"""A call in which TwiML runs: what its verbs share."""

import asyncio
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TypeVar

import structlog

from offhook.api.call import Call
from offhook.pipeline.trace import DialogNoted
from offhook.twiml.addresses import shown
from offhook.twiml.application import Application
from offhook.twiml.client import Client
from offhook.twiml.errors import TwimlError
from offhook.twiml.limits import FETCH_S, MAX_REPORTED
from offhook.twiml.parameters import call_status

log = structlog.get_logger("offhook.twiml")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Next:
    """Another document: at `url`, which may be relative, asked for with these parameters."""

    url: str
    method: str = "POST"
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """The call ends, as the record's `reason` says; `reject` is the status of one that is not answered."""

    reason: str = "bot hung up"
    reject: int | None = None


Result = Next | End | None
"""What a verb comes to. None: the next verb follows."""


class RunningCall:
    """One call of an application. `url` is the address of the document that runs."""

    def __init__(self, call: Call, client: Client, application: Application) -> None:
        self.call = call
        self.client = client
        self.application = application
        self.url = application.url
        self.recordings: dict[str, Path] = {}
        """The messages of this call, by the URL that the application knows them by."""
        self.log = log.bind(call=call.id)
        self._reported: set[tuple[str, str]] = set()
        self._telling: set[asyncio.Task[None]] = set()

    def report(self, what: str, why: str = "") -> None:
        """Put something that is not done, or wrong, in the log and on the record: each once in a call."""
        if (what, why) in self._reported or len(self._reported) >= MAX_REPORTED:
            return
        self._reported.add((what, why))
        self.log.warning(what, why=why, document=shown(self.url))
        self.call.report(DialogNoted(f"TwiML: {what}{f' ({why})' if why else ''}", monotonic()))

    async def waited(self, work: Awaitable[_T]) -> _T:
        """The result of what a server takes its time for. From now on the silence is the bot's, and covered as such
        (`turn.filler_ms`), where the call is answered. Raises CallEnded."""
        call = self.call
        if not call.answered:
            return await call.until_ended(work)
        call.owe_reply()
        with call.covering(True):
            return await call.until_ended(work)

    def tell(self, url: str, method: str, parameters: Mapping[str, str], *, over: bool = False) -> None:
        """Send a request whose answer changes nothing, while the call goes on. `over`: the call does not."""
        status = call_status(self.call, over=over)
        task = asyncio.get_running_loop().create_task(self._tell(url, method, {**status, **parameters}))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def told(self) -> None:
        """Wait for the requests that were begun by `tell`; each has a limit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FETCH_S):
                while self._telling:
                    await asyncio.wait(tuple(self._telling))

    async def _tell(self, url: str, method: str, parameters: Mapping[str, str]) -> None:
        try:
            await self.client.fetch(url, self.url, method, parameters)
        except TwimlError as error:
            self.log.warning("a callback failed", code=error.code, why=error.why)

"""A call in which TwiML runs: what its verbs share."""

from collections.abc import Awaitable, Mapping
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Protocol, TypeVar

import structlog

from offhook.api.call import Call
from offhook.pipeline.trace import DialogNoted
from offhook.twiml.addresses import shown
from offhook.twiml.application import Application
from offhook.twiml.client import Client
from offhook.twiml.document import Document, document_of
from offhook.twiml.errors import TwimlError
from offhook.twiml.limits import FETCH_S, MAX_REPORTED, MAX_TOLD
from offhook.twiml.parameters import call_status
from offhook.twiml.telling import Teller

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


class Cover(Protocol):
    """Has the caller hear something while `work` takes its time. Raises CallEnded."""

    def __call__(self, work: Awaitable[_T], /) -> Awaitable[_T]:
        """The result of `work`."""


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
        self._teller = Teller(client, self._not_told)
        self._dials = 0
        self._cover: Cover | None = None

    def beside(self, cover: Cover) -> "RunningCall":
        """The same for documents that run beside the one that does: with an address of their own, and `cover` in place
        of fillers."""
        beside = copy(self)
        beside._cover = cover
        return beside

    async def document(self, wanted: Next) -> Document:
        """Fetch a document, and report what is odd in it. Raises TwimlError, CallEnded."""
        parameters = {**call_status(self.call), **wanted.parameters}
        fetched = await self.waited(self.client.fetch(wanted.url, self.url, wanted.method, parameters))
        document = document_of(fetched.content_type, fetched.body, fetched.url)
        self.url = fetched.url
        for warning in document.warnings:
            self.report("warning 12200", warning)
        for name in document.not_done:
            self.report(f"{name} is not done", "docs/twiml.md says what is")
        return document

    def report(self, what: str, why: str = "") -> None:
        """Put something that is not done, or wrong, in the log and on the record: each once in a call."""
        if not self._is_news(what, why):
            return
        self.log.warning(what, why=why, document=shown(self.url))
        self.call.report(DialogNoted(f"TwiML: {what}{f' ({why})' if why else ''}", monotonic()))

    async def waited(self, work: Awaitable[_T]) -> _T:
        """The result of what a server takes its time for, while which the silence is covered. Raises CallEnded."""
        return await (self._cover or self._filled)(work)

    def tell(self, url: str, method: str, parameters: Mapping[str, str], *, over: bool = False) -> None:
        """Send a request whose answer changes nothing, while the call goes on. `over`: the call does not."""
        given = {**call_status(self.call, over=over), **parameters}
        if not self._teller.tell(url, self.url, method, given):
            self.report("callbacks are left out", f"{MAX_TOLD} wait to be sent")

    async def told(self) -> None:
        """Wait for the requests of `tell`, which have a limit in all."""
        if left := await self._teller.told():
            self.log.warning("callbacks were not sent", count=left, why=f"it took more than {FETCH_S:g} s")

    def new_dial(self) -> int:
        """The number of a Dial that begins: the calls of each have names of their own."""
        self._dials += 1
        return self._dials

    async def _filled(self, work: Awaitable[_T]) -> _T:
        """From now on the silence is the bot's, and covered as such (`turn.filler_ms`), where the call is answered."""
        call = self.call
        if not call.answered:
            return await call.until_ended(work)
        call.owe_reply()
        with call.covering(True):
            return await call.until_ended(work)

    def _not_told(self, error: TwimlError) -> None:
        if self._is_news("a callback failed", error.why):
            self.log.warning("a callback failed", code=error.code, why=error.why)

    def _is_news(self, what: str, why: str) -> bool:
        if (what, why) in self._reported or len(self._reported) >= MAX_REPORTED:
            return False
        self._reported.add((what, why))
        return True

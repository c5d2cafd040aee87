"""Answers calls with a TwiML application: fetches its documents, and runs their verbs."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime
from math import ceil
from time import monotonic
from urllib.parse import urljoin, urlsplit

from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.http_request import HttpRequest
from offhook.twiml.addresses import shown_path
from offhook.twiml.application import Application
from offhook.twiml.client import Client, Send
from offhook.twiml.connect import Stream
from offhook.twiml.control import Hangup, Leave, Redirect, Reject
from offhook.twiml.dial import Dial
from offhook.twiml.dialling import dial
from offhook.twiml.document import Document, Verb
from offhook.twiml.enqueue import Enqueue
from offhook.twiml.enqueueing import enqueue
from offhook.twiml.errors import INTERNAL, TwimlError
from offhook.twiml.gather import Gather
from offhook.twiml.gathering import gather
from offhook.twiml.limits import BRIEF_S, MAX_BRIEF_DOCUMENTS, MAX_SILENT_DOCUMENTS, SILENT_S
from offhook.twiml.parameters import standard
from offhook.twiml.prompts import heard
from offhook.twiml.record import Record
from offhook.twiml.recording import record
from offhook.twiml.running import End, Next, Result, RunningCall
from offhook.twiml.speech import Pause, Play, Say
from offhook.twiml.stream import stream

APOLOGY = "We are sorry, an application error has occurred. Goodbye."
"""What the caller hears where no document can be had or read, as with Twilio."""

BUSY, DECLINED = 486, 603
"""The SIP statuses of a Reject."""


class TwimlAgent:
    """Runs an application for every call. `send` sends its requests, in tests."""

    def __init__(self, application: Application, send: Send = HttpRequest.exchange) -> None:
        self._application = application
        self._addresses = application.addresses
        self._send = send

    def speaks_early(self, called: str, trunk: str) -> bool:
        """See SpeaksEarly: the first document says whether the call is answered at all."""
        return True

    async def run(self, call: Call) -> Outcome:
        """See CallAgent."""
        application = self._application
        client = Client(
            self._addresses,
            standard(call, application.account_sid),
            token=application.token,
            allow_private=application.allow_private,
            send=self._send,
        )
        running = RunningCall(call, client, application)
        call.covers_silence = False  # but while a server is waited for: the silence of a Pause, or a Gather, is meant
        began, answered = monotonic(), False
        try:
            end = await _Program(running).run()
            answered, call.end_reason = call.answered, end.reason
            if end.reject is not None and not answered:
                await call.reject(end.reject)
            else:
                await call.hangup()
            return Outcome(end.reason)
        finally:
            _tell_end(running, monotonic() - began, answered=answered or call.answered)
            await running.told()


def _tell_end(running: RunningCall, seconds: float, *, answered: bool) -> None:
    application = running.application
    if not application.status_url:
        return
    about = {"CallbackSource": "call-progress-events", "SequenceNumber": "0"}
    about |= {"Timestamp": format_datetime(datetime.now(UTC)), "CallStatus": "completed" if answered else "no-answer"}
    if answered:
        about |= {"CallDuration": str(round(seconds)), "Duration": str(ceil(seconds / 60))}
    running.tell(application.status_url, application.status_method, about, over=True)


class _Program:
    """One document after the other, in one call."""

    def __init__(self, running: RunningCall) -> None:
        self._running = running
        self._silent = self._brief = 0

    async def run(self) -> End:
        """Until a document ends, with the call. Raises CallEnded."""
        application = self._running.application
        wanted = Next(application.url, application.method)
        while True:
            try:
                result = await self._run_document(await self._fetched(wanted))
            except TwimlError as error:
                return await self._failed(error)
            if isinstance(result, End):
                return result
            wanted = result

    async def _fetched(self, wanted: Next) -> Document:
        """A document, or that of the fallback URL. Raises TwimlError, CallEnded."""
        try:
            return await self._running.document(wanted)
        except TwimlError as error:
            application = self._running.application
            if not application.fallback_url:
                raise
            self._running.report(f"error {error.code}", error.why)
            about = {"ErrorCode": str(error.code), "ErrorUrl": _joined(self._running.url, wanted.url)}
            return await self._running.document(Next(application.fallback_url, application.fallback_method, about))

    async def _run_document(self, document: Document) -> Next | End:
        loop = asyncio.get_running_loop()
        began = loop.time()
        result = await self._run_verbs(document)
        took_s = loop.time() - began
        self._silent = self._silent + 1 if took_s < SILENT_S else 0
        self._brief = self._brief + 1 if took_s < BRIEF_S else 0
        if isinstance(result, End):
            return result
        if self._silent > MAX_SILENT_DOCUMENTS:
            raise TwimlError(INTERNAL, f"{self._silent} documents in turn take no time")
        if self._brief >= MAX_BRIEF_DOCUMENTS:
            raise TwimlError(INTERNAL, f"{self._brief} documents in turn take less than {BRIEF_S:g} s each")
        return result

    async def _run_verbs(self, document: Document) -> Next | End:
        call = self._running.call
        for verb in document.verbs:
            call.enter(f"{type(verb).__name__} {shown_path(urlsplit(self._running.url).path)[:80]}")
            if not call.answered and not _is_before_answer(verb):
                await call.answer()
            result = await self._run_verb(verb)
            if result is not None:
                return result
        if not call.answered:
            await call.answer()
        return End()

    async def _run_verb(self, verb: Verb) -> Result:
        running = self._running
        match verb:
            case Say() | Play() | Pause():
                await heard(running, verb)
            case Gather():
                return await gather(running, verb)
            case Record():
                return await record(running, verb)
            case Dial() | Enqueue():
                return await (dial(running, verb) if isinstance(verb, Dial) else enqueue(running, verb))
            case Stream():
                return await stream(running, verb)
            case Redirect():
                return Next(verb.url or running.url, verb.method)
            case Hangup() | Reject():
                return _ended(verb)
            case Leave():
                running.report("Leave is left out", "the caller waits in no queue: it is for documents of a waitUrl")
        return None

    async def _failed(self, error: TwimlError) -> End:
        """Say so, and end the call. Raises CallEnded."""
        call = self._running.call
        self._running.report(f"error {error.code}", error.why)
        if not call.answered:
            await call.answer()
        await call.say(APOLOGY, barge_in=False, language="en" if call.speaks(language="en") else None)
        return End(f"TwiML error {error.code}")


def _joined(base: str, url: str) -> str:
    """The whole address of what may be none."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def _ended(verb: Hangup | Reject) -> End:
    if isinstance(verb, Hangup):
        return End()
    return End("rejected", BUSY if verb.busy else DECLINED)


def _is_before_answer(verb: Verb) -> bool:
    """Whether a call need not be answered for it."""
    return isinstance(verb, Reject | Pause | Redirect) or (isinstance(verb, Dial) and verb.answer_on_bridge)

"""Runs the documents of a `waitUrl`: what callers hear while they wait in a queue."""

import asyncio
from collections.abc import Awaitable
from contextlib import nullcontext
from typing import TypeVar
from urllib.parse import urlsplit

from offhook.api.while_waiting import MIN_ROUND_S, Wait
from offhook.twiml.addresses import shown_path
from offhook.twiml.control import Hangup, Leave, Redirect
from offhook.twiml.document import Document
from offhook.twiml.errors import INTERNAL, TwimlError
from offhook.twiml.gather import Gather
from offhook.twiml.gathering import gather
from offhook.twiml.limits import MAX_SILENT_DOCUMENTS, SILENT_S
from offhook.twiml.parameters import sid
from offhook.twiml.prompts import heard
from offhook.twiml.running import Next, RunningCall
from offhook.twiml.speech import Pause, Play, Say

MUSIC_AFTER_S = 1.0
"""A server that takes longer is waited for with the queue's music."""

AGAIN_S = 10.0
"""When the document is asked for again behind a failure: until then there is the queue's music."""

_T = TypeVar("_T")


class WaitDocuments:
    """Those of one Enqueue, from its `url` on, which is asked for again when they have ended: see WhileWaiting. What
    the queue of that name is like is told with each request."""

    def __init__(self, running: RunningCall, queue: str, url: str, method: str) -> None:
        self._running = running
        self._queue_sid = sid("QU", queue)
        self._first = Next(url, method)
        self.hung_up = False
        """Whether one of them has a Hangup."""

    async def __call__(self, wait: Wait) -> None:
        """Run them once. Raises CallEnded."""

        async def covered(work: Awaitable[_T]) -> _T:
            return await self._running.call.until_ended(_with_music(wait, work))

        running = self._running.beside(covered)
        try:
            await self._run(running, wait)
        except TwimlError as error:
            running.report(f"error {error.code}", f"while the caller waits: {error.why}")
            with wait.music():
                await running.call.until_ended(asyncio.sleep(AGAIN_S))

    async def _run(self, running: RunningCall, wait: Wait) -> None:
        """One after the other. Raises TwimlError, CallEnded."""
        now = asyncio.get_running_loop().time
        wanted: Next | None = self._first
        silent = 0
        while wanted is not None:
            parameters = await running.waited(self._parameters(wait))
            document = await running.document(Next(wanted.url, wanted.method, {**parameters, **wanted.parameters}))
            began = now()
            wanted = await self._run_verbs(running, wait, document)
            took_s = now() - began
            silent = silent + 1 if took_s < SILENT_S else 0
            if wanted is not None and silent > MAX_SILENT_DOCUMENTS:
                raise TwimlError(INTERNAL, f"{silent} documents in turn take no time")
            if wanted is not None and took_s < MIN_ROUND_S:
                with wait.music() if took_s < SILENT_S else nullcontext():
                    await running.call.until_ended(asyncio.sleep(MIN_ROUND_S - took_s))

    async def _parameters(self, wait: Wait) -> dict[str, str]:
        found = {"QueueSid": self._queue_sid, "QueueTime": str(round(wait.waited_s))}
        if (standing := await wait.standing()) is not None:
            found |= {"QueuePosition": str(standing.position), "CurrentQueueSize": str(standing.callers)}
            found |= {"AvgQueueTime": str(round(standing.mean_waited_s))}
        return found

    async def _run_verbs(self, running: RunningCall, wait: Wait, document: Document) -> Next | None:
        for verb in document.verbs:
            running.call.enter(f"{type(verb).__name__} {shown_path(urlsplit(running.url).path)[:80]}")
            match verb:
                case Gather():
                    if (after := await gather(running, verb)) is not None:
                        return after
                case Redirect():
                    return Next(verb.url or running.url, verb.method)
                case Leave() | Hangup():
                    self.hung_up = isinstance(verb, Hangup)
                    wait.leave(gives_up=self.hung_up)
                    return None
                case Say() | Play() | Pause():
                    await heard(running, verb)
                case _:
                    running.report(f"{type(verb).__name__} is left out", "documents of a waitUrl cannot have it")
        return None


async def _with_music(wait: Wait, work: Awaitable[_T]) -> _T:
    """Its result, with the queue's music once it takes longer than MUSIC_AFTER_S."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.wait((doing,), timeout=MUSIC_AFTER_S)
        if doing.done():
            return doing.result()
        with wait.music():
            return await doing
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)

"""Runs an Enqueue: the caller waits for an agent, and is back when the wait or the talk is over."""

import asyncio

from offhook.api.call_ended import CallEnded
from offhook.api.queued import Queued
from offhook.queues.orders import QueueEnd
from offhook.twiml.enqueue import Enqueue
from offhook.twiml.errors import INTERNAL, TwimlError
from offhook.twiml.parameters import sid
from offhook.twiml.running import End, Next, Result, RunningCall
from offhook.twiml.wait_documents import WaitDocuments
from offhook.usererror import UserError

_RESULTS = {None: "bridged", QueueEnd.LEFT: "leave", QueueEnd.FULL: "queue-full"}
"""QueueResult; of all else it is error."""


async def enqueue(running: RunningCall, verb: Enqueue) -> Result:
    """Have the caller wait. Raises CallEnded, of which the action is told; TwimlError for a queue that there is not, if
    no action learns of it."""
    call, loop = running.call, asyncio.get_running_loop()
    began, agents = loop.time(), [""]
    documents = None if verb.wait_url is None else WaitDocuments(running, verb.name, verb.wait_url, verb.wait_method)

    def found(result: str, *, talked: bool) -> dict[str, str]:
        about = {"QueueResult": result, "QueueSid": sid("QU", verb.name)}
        return about if talked else {**about, "QueueTime": str(round(loop.time() - began))}

    try:
        queued = await call.queue(verb.name, on_agent=agents.append, while_waiting=documents)
    except CallEnded:
        talked = bool(agents[-1])  # who talks to an agent has been waited for no longer
        _tell(running, verb, found("bridged" if talked else "hangup", talked=talked))
        raise
    except UserError as error:
        why = f"nobody waits in the queue {verb.name}: {error.problems[0].why}"
        if verb.action is None:
            raise TwimlError(INTERNAL, why) from error
        running.report(f"error {INTERNAL}", why)
        queued = Queued(end=QueueEnd.NOT_POSSIBLE)
    if documents is not None and documents.hung_up and queued.end is not None:
        _tell(running, verb, found("hangup", talked=False))
        return End()
    if call.hung_up:
        return End(f"transferred to {verb.name}")
    if queued.end is QueueEnd.CALL_BACK:  # the queue has said so
        return End()
    if verb.action is None:
        return None
    return Next(verb.action, verb.method, found(_RESULTS.get(queued.end, "error"), talked=queued.end is None))


def _tell(running: RunningCall, verb: Enqueue, parameters: dict[str, str]) -> None:
    """The action of a call that is over."""
    if verb.action is not None:
        running.tell(verb.action, verb.method, parameters, over=True)

"""Runs a Record: the message is kept, and the application is told where it finds it."""

import asyncio
import math
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from offhook.api.call_ended import CallEnded
from offhook.api.message import Message
from offhook.records.published import publish
from offhook.twiml.errors import TwimlError
from offhook.twiml.parameters import call_status
from offhook.twiml.record import Record
from offhook.twiml.running import Next, Result, RunningCall
from offhook.usererror import UserError

RECORDINGS = "/twiml/recordings/"
"""Where the bot's HTTP port has them, by their RecordingSid."""


async def record(running: RunningCall, verb: Record) -> Result:
    """Record, and go on with the action unless nothing was said. Raises CallEnded, after the application was told of
    what the caller had said before they hung up."""
    call = running.call
    call.forget_unasked()
    began = datetime.now(UTC)
    if "in-progress" in verb.status_events:
        _tell(running, verb, {"RecordingStatus": "in-progress"})
    try:
        message = await call.record(
            beep=verb.beep,
            most_s=verb.most_s,
            silence_s=verb.silence_s,
            end_keys=verb.end_keys,
            trim=verb.trim,
            mailbox=running.application.mailbox,
        )
    except CallEnded as ended:
        if ended.message is not None and ended.message.seconds > 0:
            await _told_afterwards(running, verb, ended.message, began)
        else:
            _tell_absent(running, verb)
        raise
    if message.seconds == 0:
        _tell_absent(running, verb)
        return None
    kept = await _kept(running, verb, message, began)
    return Next(verb.action or running.url, verb.method, {**kept, "Digits": message.key})


async def _told_afterwards(running: RunningCall, verb: Record, message: Message, began: datetime) -> None:
    """The caller has hung up: the action is asked for, and what it answers is not run."""
    parameters = await _kept(running, verb, message, began)
    status = call_status(running.call, over=True)
    try:
        await running.client.fetch(
            verb.action or running.url, running.url, verb.method, {**status, **parameters, "Digits": "hangup"}
        )
    except TwimlError as error:
        running.log.warning("the end of a recording was not told", why=str(error))


async def _kept(running: RunningCall, verb: Record, message: Message, began: datetime) -> dict[str, str]:
    """Keep a message. The parameters that tell where it is; without a URL, if it could not be kept."""
    found = {"RecordingDuration": str(max(1, math.floor(message.seconds)))}
    try:
        path = await running.call.keep(message)
        sid = await asyncio.to_thread(publish, path)
    except (OSError, UserError) as error:
        running.log.error("a recording was not kept", why=str(error))
        return found
    url = f"{running.application.recordings_url}{RECORDINGS}{sid}"
    running.recordings[url] = Path(path)
    found |= {"RecordingSid": sid, "RecordingUrl": url}
    if "completed" in verb.status_events:
        about = {"RecordingStatus": "completed", "RecordingStartTime": format_datetime(began), "ErrorCode": "0"}
        _tell(running, verb, {**found, **about})
    return found


def _tell_absent(running: RunningCall, verb: Record) -> None:
    if "absent" in verb.status_events:
        _tell(running, verb, {"RecordingStatus": "absent"})


def _tell(running: RunningCall, verb: Record, parameters: dict[str, str]) -> None:
    if verb.status_url:
        about = {"RecordingSource": "RecordVerb", "RecordingChannels": "1", "RecordingTrack": "inbound"}
        running.tell(verb.status_url, verb.status_method, {**about, **parameters})

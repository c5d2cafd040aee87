"""A message that a caller has left: written, sent on its way, and transcribed for who gets it."""

import asyncio
from pathlib import Path

import structlog

from offhook.api.message import Message
from offhook.calls.call_log import CallLog
from offhook.calls.call_records import written
from offhook.encryption.keys import Key
from offhook.pipeline.asr.engine import AsrEngine, AsrRequest
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import known_as
from offhook.pipeline.rates import NARROW_HZ
from offhook.records.message import save_message
from offhook.records.outbox import MESSAGE
from offhook.settings.config import Config
from offhook.telephony.codec.convert import rate_converter

TRANSCRIBE_S = 120.0
"""A message waits so long for its transcript, and goes without it then."""

_transcribing: set["asyncio.Task[None]"] = set()


async def keep_message(
    config: Config, asr: AsrEngine, call_log: CallLog, message: Message, *, key: Key | None = None
) -> Path:
    """Write a message, encrypted if there is a `key`, without holding up the calls, and have it delivered. It may
    follow the call's end. Raises OSError."""
    folder = config.records.dir / "recordings"
    path = await asyncio.to_thread(save_message, folder, call_log.uniqueid, message.pcm, key)
    transcribed = _wants_transcript(config) and asr.capabilities.free_speech
    about = {
        "seconds": round(message.seconds, 1),
        "ended_by": message.ended_by,
        "mailbox": message.mailbox or None,
    }
    event_id, on_disk = call_log.message_left(path, about, hold_s=TRANSCRIBE_S if transcribed else 0.0)
    await written(on_disk)
    if transcribed:
        task = asyncio.get_running_loop().create_task(_transcribe(asr, call_log, event_id, message))
        _transcribing.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(_transcribing.discard)
    return path


def _wants_transcript(config: Config) -> bool:
    if not config.records.transcripts:
        return False
    by_webhook = any(MESSAGE in each.events and each.transcript for each in config.webhooks.values())
    return by_webhook or config.mail.host is not None


async def _transcribe(asr: AsrEngine, call_log: CallLog, event_id: str, message: Message) -> None:
    text = ""
    try:
        language = None if message.language is None else known_as(asr.capabilities.languages, message.language)
        stream = asr.open(AsrRequest(language=language), lambda _: None)
        try:
            stream.feed(rate_converter(NARROW_HZ, asr.capabilities.rate_hz)(message.pcm))
            text = (await asyncio.wait_for(stream.finish(), TRANSCRIBE_S / 2)).text
        except TimeoutError:
            stream.cancel()
            raise
    except (EngineError, TimeoutError) as error:
        log = structlog.get_logger("offhook.call").bind(call=call_log.uniqueid)
        log.warning("a message was not transcribed", why=str(error) or "it takes too long")
    call_log.message_transcribed(event_id, text)

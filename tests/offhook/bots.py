"""What tests of whole bots share."""

import asyncio

from offhook.process.local_bot import LocalBot
from offhook.records import CallRecord

LIGHT_ENGINES: dict[str, dict[str, object]] = {
    "asr": {"engine": "fixed"},
    "tts": {"engine": "recorded"},
    "vad": {"engine": "energy"},
}
"""Settings for engines without models: a fixed transcript, a recording, a detector by level."""


async def record_of(node: LocalBot) -> CallRecord:
    """The record of the only call, once it is over."""
    await asyncio.wait_for(node.idle(), 5)
    await asyncio.to_thread(node.store.flush)
    (record,) = await asyncio.to_thread(node.store.calls)
    return record

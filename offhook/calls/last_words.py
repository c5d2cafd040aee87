"""What a caller hears when their call has lasted as long as it may: the end of what is being said, and a goodbye."""

import asyncio
from contextlib import suppress

from structlog.typing import FilteringBoundLogger

from offhook.api.call import HANG_UP_WAIT_S
from offhook.pipeline.errors import EngineError
from offhook.pipeline.session import Session
from offhook.pipeline.tts.voice import Voice
from offhook.telephony.pcm import RATE_HZ

ENDS_WITHIN_S = 10.0
"""A sentence does. What is longer is broken off."""


async def last_words(session: Session, voice: Voice, goodbye: str | None, log: FilteringBoundLogger) -> None:
    """Returns when the caller has heard them. The dialog begins nothing any more."""
    await session.said_to_the_end(ENDS_WITHIN_S)
    if goodbye is None:
        return
    line = session.line
    try:
        clip = await voice.clip(goodbye, line.encoding, line.encode, line.rate_hz)
    except EngineError as error:
        log.warning("engine failed", engine=error.engine, error=str(error))
        return
    line.play(clip.payload)
    with suppress(TimeoutError):
        await asyncio.wait_for(session.drained(), HANG_UP_WAIT_S + line.queued_ticks / RATE_HZ)

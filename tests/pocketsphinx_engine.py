"""The embedded recogniser, for tests of what it hears."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from offhook.pipeline.asr.pocketsphinx import MAX_TURNS, PocketsphinxEngine
from offhook.pipeline.engine_host.pool import HostLimits

PATIENT = HostLimits(hung_s=60.0, request_s=60.0, max_streams=MAX_TURNS)


@asynccontextmanager
async def patient_pocketsphinx() -> AsyncIterator[PocketsphinxEngine]:
    """It recognises by grammar; on a busy machine it is slow, and does not fail."""
    engine = PocketsphinxEngine(free_speech=False, limits=PATIENT)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()

"""The music of a queue, for who waits in it and for agents who wait for them."""

import asyncio
from pathlib import Path

import structlog

from offhook.calls.built_in_music import built_in_music
from offhook.pipeline.tts.recording import Recording
from offhook.sound_file import load_sound
from offhook.usererror import UserError

MIN_MUSIC_S = 1.0
"""What is shorter is begun anew so often that it takes a core."""


async def queue_music(path: Path | None) -> Recording:
    """That of a file; of none, or one that cannot be used, the music that is built in."""
    if path is None:
        return built_in_music()
    log = structlog.get_logger("offhook.queues")
    try:
        music = await asyncio.to_thread(load_sound, path)
    except UserError as error:
        log.error("callers hear the music that is built in", why=str(error))
        return built_in_music()
    if music.seconds < MIN_MUSIC_S:
        log.error("callers hear the music that is built in", why=f"{path} is shorter than {MIN_MUSIC_S:g} s")
        return built_in_music()
    return music

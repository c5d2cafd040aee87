"""Dead air: a call's media has stopped. The bot says something, waits for more media, and hangs up if none comes."""

import asyncio
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any

from structlog.typing import FilteringBoundLogger

from offhook.calls.line import CallLine
from offhook.observe.metrics import Metrics
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.voice import Voice
from offhook.settings.config import Config


class DeadAir:
    """Listens on the line. `run` starts a task that ends with the call; `hang_up(reason)` ends the call."""

    def __init__(
        self,
        line: CallLine,
        config: Config,
        voice: Voice,
        metrics: Metrics,
        log: FilteringBoundLogger,
        run: Callable[[Coroutine[Any, Any, None]], object],
        hang_up: Callable[[str], None],
    ) -> None:
        self._line = line
        self._config = config
        self._voice = voice
        self._metrics = metrics
        self._log = log
        self._run = run
        self._hang_up = hang_up
        line.add_listener(silent=self._on_silent)

    def _on_silent(self) -> None:
        rtp, calls = self._config.rtp, self._config.calls
        never = self._line.stats().last_received_at is None
        timeout_s = rtp.first_media_timeout_s if never else rtp.media_timeout_s
        self._metrics.dead_air(never=never)
        self._log.warning("no media from the caller", seconds=timeout_s, ever=not never)
        if never or not calls.dead_air_s:
            self._hang_up(f"no media for {timeout_s:g} s")
        else:
            self._run(self._speak_and_wait(monotonic(), timeout_s))

    async def _speak_and_wait(self, since: float, silent_s: float) -> None:
        """The caller may still hear us: say something, and wait for media once more."""
        calls, line = self._config.calls, self._line
        try:
            clip = await self._voice.clip(calls.dead_air_prompt, line.encoding, line.encode, line.rate_hz)
        except EngineError as error:
            self._log.warning("engine failed", engine=error.engine, error=str(error))
        else:
            # Not on top of a prompt that is playing.
            if not line.queued_ticks:
                line.play(clip.payload)
        await asyncio.sleep(max(0.0, since + calls.dead_air_s - monotonic()))
        came_at = line.stats().last_received_at
        if line.awaits_media and (came_at is None or came_at <= since):
            self._hang_up(f"no media for {silent_s + calls.dead_air_s:g} s")

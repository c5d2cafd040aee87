"""Asks an adviser whether a turn is over, on a thread, and drops what comes too late."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from offhook.pipeline.endpoint.adviser import EndAdviser

WITHIN_S = 0.1
MAX_WAITING = 2
"""Questions at once; a further one could not be answered in time."""


class Advice:
    """One adviser, for all calls of the process. Used on one event loop."""

    def __init__(self, adviser: EndAdviser) -> None:
        self._adviser = adviser
        self._thread = ThreadPoolExecutor(1, "adviser")
        self.waiting = 0
        """Questions without an answer yet."""
        self.asked = self.late = self.failed = 0
        """Questions asked; answered too late, or not asked for want of time; failed."""

    def ask(self, pcm: bytes, on_score: Callable[[float], None]) -> None:
        """Ask about a turn. `on_score` gets the probability within 100 ms, or is not called. Never blocks."""
        if self.waiting >= MAX_WAITING:
            self.late += 1
            return
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        self.waiting += 1
        self.asked += 1

        def arrived(answer: "Future[float]") -> None:
            self.waiting -= 1
            if answer.cancelled():
                return
            if (error := answer.exception()) is not None:
                if not self.failed:
                    structlog.get_logger("offhook.adviser").warning("the adviser failed", error=repr(error)[:200])
                self.failed += 1
            elif loop.time() - asked_at > WITHIN_S:
                self.late += 1
            else:
                on_score(answer.result())

        def done(answer: "Future[float]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived, answer)

        self._thread.submit(self._adviser.score, pcm).add_done_callback(done)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)

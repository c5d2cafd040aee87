"""The audio of one text, on its way from a vendor's messages to whoever iterates over it."""

import asyncio
from collections import deque
from copy import copy

from offhook.pipeline.errors import EngineError, EngineTimeout

MAX_SPEECH_BYTES = 20_000_000
"""Of one text: ten minutes at 16 kHz."""

TOO_LONG = f"there were more than {MAX_SPEECH_BYTES} bytes of audio"


class Speech:
    """Filled by `add`, `end` and `fail`; `next` takes it out. `name` is the engine's.

    The first audio must come within `first_s`, more within `stall_s`: a voice that stalls has failed.
    """

    def __init__(self, name: str, first_s: float, stall_s: float = 2.0) -> None:
        self.received_bytes = 0
        self.is_complete = False
        self._name = name
        self._first_s = first_s
        self._stall_s = stall_s
        self._pieces: deque[bytes] = deque()
        self._error: EngineError | None = None
        self._arrived = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is coming."""
        return self.is_complete or self._error is not None

    def add(self, audio: bytes) -> None:
        """The next audio."""
        self.received_bytes += len(audio)
        if self.received_bytes > MAX_SPEECH_BYTES:
            self.fail(EngineError(self._name, "speaking", TOO_LONG))
            return
        self._pieces.append(audio)
        self._arrived.set()

    def end(self) -> None:
        """That was all."""
        self.is_complete = True
        self._arrived.set()

    def fail(self, error: EngineError) -> None:
        """There will be no more, because of this."""
        if not self.is_over:
            self._error = error
            self._arrived.set()

    async def next(self) -> bytes | None:
        """The next audio; None at the end. Raises EngineError, EngineTimeout."""
        while not self._pieces:
            if self.is_complete:
                return None
            if self._error is not None:
                raise copy(self._error)  # the traceback has us, who keep it
            self._arrived.clear()
            limit_s = self._stall_s if self.received_bytes else self._first_s
            try:
                async with asyncio.timeout(limit_s):
                    await self._arrived.wait()
            except TimeoutError:
                why = f"there was no audio for {limit_s:g} s"
                self.fail(EngineTimeout(self._name, "speaking", why))
        return self._pieces.popleft()

"""A call that the bot speaks in before it answers it."""

import asyncio
from collections.abc import Callable

UNAVAILABLE = 480
"""What a caller gets whose call is not answered after all, if the dialog names nothing else."""


class EarlyMedia:
    """The answer that such a call still owes; `send()` sends it."""

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self._confirmed = asyncio.Event()
        self.is_answered = False
        """Whether the answer has been sent."""
        self.status = UNAVAILABLE
        """What the call is refused with, if it is."""

    async def answer(self) -> None:
        """Answer the call, and wait until the far end has confirmed that, or the call is over."""
        self.begin_answer()
        await self._confirmed.wait()

    def begin_answer(self) -> None:
        """Send the answer, once."""
        if not self.is_answered:
            self.is_answered = True
            self._send()

    def confirm(self) -> None:
        """The far end has confirmed the answer."""
        self._confirmed.set()

    def close(self) -> None:
        """The call is over: nobody waits any longer."""
        self._send = _nothing
        self._confirmed.set()

    def refuse_with(self, status: int) -> None:
        """The status for a call that is not answered, 400 to 699."""
        self.status = status


def _nothing() -> None:
    """The answer of a call that is over."""

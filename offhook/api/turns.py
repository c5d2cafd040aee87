"""What happens in a call's conversation, one after the other; and what has been said so far, as the caller heard it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from offhook.pipeline.turn.events import Interrupted, TurnEvent, TurnOver, UtterancePlayed

MAX_UNREAD = 1_000  # events that nobody has taken; the oldest partials of a turn are worth nothing


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the conversation. Of the bot's words only those that were played; of keys only how many."""

    who: Literal["bot", "caller"]
    text: str
    interrupted: bool = False


class TurnEvents(AsyncIterator[TurnEvent]):
    """The turn events of a call from now on. Ends with the call, or with `close`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        self._closed = False

    def put(self, event: TurnEvent) -> None:
        """One more."""
        if self._queue.qsize() >= MAX_UNREAD:
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    def close(self) -> None:
        """There are no more."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)

    def __aiter__(self) -> "TurnEvents":
        return self

    async def __anext__(self) -> TurnEvent:
        event = await self._queue.get()
        if event is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return event


class History:
    """Keeps what was said, from a session's turn events."""

    def __init__(self) -> None:
        self.lines: list[Said] = []

    def on_turn_event(self, event: TurnEvent) -> None:
        """Take what is worth keeping."""
        match event:
            case UtterancePlayed(_, playback) | Interrupted(_, playback):
                if playback.text_played:
                    self.lines.append(Said("bot", playback.text_played, playback.interrupted))
            case TurnOver(answer):
                if answer.digits:
                    self.lines.append(Said("caller", f"[keys: {len(answer.digits)}]"))
                elif answer.text:
                    self.lines.append(Said("caller", answer.text))
            case _:
                pass

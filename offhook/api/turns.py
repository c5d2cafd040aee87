"""A call's turn events in order, and its conversation so far, as played to the caller."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from offhook.pipeline.turn.events import Interrupted, TurnEvent, TurnOver, UtterancePlayed

MAX_UNREAD = 1_000  # unread events; beyond it the oldest are dropped


@dataclass(frozen=True, slots=True)
class Said:
    """A line of the conversation. Of the bot's words only those played; of DTMF only the number of digits. `typed`: the
    caller typed it."""

    who: Literal["bot", "caller"]
    text: str
    interrupted: bool = False
    typed: bool = False


class TurnEvents(AsyncIterator[TurnEvent]):
    """The turn events of a call from now on. Ends with the call, or with `close`."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[TurnEvent | None] = asyncio.Queue()
        self._closed = False

    def put(self, event: TurnEvent) -> None:
        """Add an event."""
        if self._queue.qsize() >= MAX_UNREAD:
            self._queue.get_nowait()
        self._queue.put_nowait(event)

    def close(self) -> None:
        """End the iteration."""
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
    """Keeps what was said, taken from a session's turn events."""

    def __init__(self) -> None:
        self.lines: list[Said] = []

    def on_turn_event(self, event: TurnEvent) -> None:
        """Keep what was said in `event`, if anything."""
        match event:
            case UtterancePlayed(_, playback) | Interrupted(_, playback):
                if playback.text_played:
                    self.lines.append(Said("bot", playback.text_played, playback.interrupted))
            case TurnOver(answer):
                if answer.digits:
                    self.lines.append(Said("caller", f"[keys: {len(answer.digits)}]", typed=answer.typed))
                elif answer.text:
                    self.lines.append(Said("caller", answer.text, typed=answer.typed))
            case _:
                pass

"""A call's turn events in order, and its conversation so far, as played to the caller."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Literal

from offhook.pipeline.turn.events import Interrupted, TurnCorrected, TurnEvent, TurnOver, TurnPartial, UtterancePlayed

MAX_UNREAD = 1_000  # unread events; beyond it the oldest are dropped, partials first


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

    def __init__(self, on_close: Callable[[], None] | None = None) -> None:
        self._events: deque[TurnEvent] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._on_close = on_close

    def put(self, event: TurnEvent) -> None:
        """Add an event."""
        if self._closed:
            return
        if len(self._events) >= MAX_UNREAD:
            # A later partial replaces it anyway.
            self._events.remove(next((each for each in self._events if isinstance(each, TurnPartial)), self._events[0]))
        self._events.append(event)
        self._changed.set()

    def close(self) -> None:
        """No more events: the iteration ends after those that are there. Idempotent."""
        self._closed = True
        self._changed.set()
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close()

    def __aiter__(self) -> "TurnEvents":
        return self

    async def __anext__(self) -> TurnEvent:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._events.popleft()


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
            case TurnCorrected(answer, was):
                self._correct(was.text, answer.text)
            case _:
                pass

    def _correct(self, was: str, text: str) -> None:
        for at in range(len(self.lines) - 1, -1, -1):
            if self.lines[at].who == "caller":
                if was and self.lines[at].text == was:
                    self.lines[at] = replace(self.lines[at], text=text)
                    return
                break
        self.lines.append(Said("caller", text))

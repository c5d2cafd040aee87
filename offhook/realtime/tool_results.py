"""What a model's tools have come to: results go to the session that asked for them, and what ends the call waits until
everything has been said."""

from collections.abc import Coroutine
from typing import Any, Protocol

from offhook.api.agent import Outcome
from offhook.llm.model import ToolCall
from offhook.realtime.link import Link
from offhook.realtime.replies import Replies
from offhook.realtime.sessions import Sessions
from offhook.realtime.tools import CallTools

MAX_UNTOLD = 32
"""Results of tools that a model calls while the call ends."""


class Talk(Protocol):
    """The conversation with the caller."""

    @property
    def in_turn(self) -> bool:
        """Whether the caller has the floor."""

    def respond(self, instructions: str) -> None:
        """Have the model speak."""

    def write(self, text: str) -> None:
        """Tell the model something."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this while the call goes on."""

    def end(self, outcome: Outcome) -> None:
        """The model is done with the call."""


class ToolResults:
    """Of one call, of which each method gets the `talk`."""

    def __init__(self, tools: CallTools, sessions: Sessions, replies: Replies) -> None:
        self._tools = tools
        self._sessions = sessions
        self._replies = replies
        self._ends = False
        self._untold: list[tuple[Link | None, ToolCall, str]] = []  # while the call ends: the ending's first

    async def run(self, talk: Talk, call: ToolCall) -> None:
        """Run one, and pass on its result."""
        link = self._sessions.link
        output = await self._tools.run(call)
        if self._tools.ending is not None:
            # Some models answer each result, and nobody would hear that.
            if len(self._untold) < MAX_UNTOLD:
                self._untold.append((link, call, output))
            self.maybe_end(talk)
        elif self._tell(talk, link, call, output) and not talk.in_turn:
            talk.respond("")

    def _tell(self, talk: Talk, link: Link | None, call: ToolCall, output: str) -> bool:
        """Give the model a tool's result; returns whether it was the session that wants it."""
        if link is not None and link is self._sessions.live:
            link.tool_result(call.id, call.name, output)
            return True
        # The session that asked is gone, and the new one knows nothing of the call.
        talk.write(f"[The tool {call.name[:60]}, which you called before, has the result: {output}]")
        return False

    def maybe_end(self, talk: Talk) -> None:
        """End the call, if a tool has ended it and everything has been said."""
        link = self._sessions.link
        idle = self._replies.idle and not (link is not None and link.replying)
        if self._tools.ending is not None and idle and not self._ends:
            self._ends = True
            talk.spawn(self._end(talk))

    async def _end(self, talk: Talk) -> None:
        outcome = await self._tools.end_call()
        if isinstance(outcome, str):
            self._ends = False
            if self._stay(talk, outcome) and not talk.in_turn:
                talk.respond("")
        else:
            talk.end(outcome)

    def interrupted(self, talk: Talk) -> None:
        """The caller has interrupted what was said last: their turn follows."""
        if self._tools.ending is not None and not self._ends:
            self._stay(talk, "error: the caller interrupted")

    def _stay(self, talk: Talk, why: str) -> bool:
        """The call does not end, which is the result of what should have ended it. Returns whether the model, which
        gets all results now, is to be asked for a reply."""
        self._tools.ending = None
        (ending, *others), self._untold = self._untold, []
        told = [self._tell(talk, *ending[:2], why), *(self._tell(talk, *each) for each in others)]
        return any(told)

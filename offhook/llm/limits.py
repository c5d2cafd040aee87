"""Prices, and what a call may use. Pure."""

from dataclasses import dataclass

from offhook.llm.model import ModelRequest, Usage

CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Prices:
    """Of a million tokens. `cached_input` None: as other input."""

    input: float = 0.0
    output: float = 0.0
    cached_input: float | None = None

    def cost(self, usage: Usage) -> float:
        """In the currency of the prices."""
        cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input - usage.cached_input
        return (fresh * self.input + usage.cached_input * cached + usage.output * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class CallLimits:
    """What one call may use; None: any amount. `max_output_tokens` is of one reply, `max_turns` counts replies, and
    `max_tokens` those that go in and come out, all replies together."""

    max_output_tokens: int | None = None
    max_turns: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    max_s: float | None = None


class Meter:
    """What one call has used. `began_at` and `now` are the same clock's seconds."""

    def __init__(self, limits: CallLimits, began_at: float = 0.0) -> None:
        self.limits = limits
        self.turns = self.input = self.cached_input = self.output = 0
        self.cost = 0.0
        self._began_at = began_at

    def add(self, usage: Usage, cost: float = 0.0) -> None:
        """A reply has ended, or was stopped (`estimated`)."""
        self.turns += 1
        self.input += usage.input
        self.cached_input += usage.cached_input
        self.output += usage.output
        self.cost += cost

    def over(self, now: float = 0.0) -> str | None:
        """Which limit is reached, in words."""
        limits = self.limits
        if limits.max_turns is not None and self.turns >= limits.max_turns:
            return f"{limits.max_turns} turns"
        if limits.max_tokens is not None and self.input + self.output >= limits.max_tokens:
            return f"{limits.max_tokens} tokens"
        if limits.max_cost is not None and self.cost >= limits.max_cost:
            return f"a cost of {limits.max_cost:g}"
        if limits.max_s is not None and now - self._began_at >= limits.max_s:
            return f"{limits.max_s:g} s"
        return None


def estimated(request: ModelRequest, text: str) -> Usage:
    """About what a reply used that was stopped after `text`: vendors count only those that end by themselves."""
    read = sum(len(each.text) + sum(len(call.arguments) for call in each.tool_calls) for each in request.messages)
    read += sum(len(tool.description) + len(str(tool.parameters)) for tool in request.tools)
    return Usage(read // CHARACTERS_PER_TOKEN, 0, len(text) // CHARACTERS_PER_TOKEN)

"""What bounds an agent: times, sizes and counts. Pure."""

from collections import deque
from dataclasses import dataclass, fields

from offhook.llm.limits import CallLimits


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """Times in seconds, from the caller's end of turn or the request, whichever is later.

    While a tool runs, a filler is said when nothing was heard for `filler_after_s`, and again every `filler_every_s`;
    text that makes no clause is spoken after `flush_after_s` of silence; a reply without a token for `late_s` has
    failed. A request that fails before its first token is asked once more, if the server is ready for it within
    `retry_within_s` of the first one. The model is given the last `turns` turns and `chars` characters at most. After
    `silences` silences in a row, or `failures` failed replies, the bot hangs up.

    `max_tokens`, `max_cost` (in the currency of the model's prices) and `max_s` are what one call may use, None: any
    amount. When it is used up, no more is asked of the model.
    """

    filler_after_s: float = 0.8
    filler_every_s: float = 3.0
    flush_after_s: float = 0.9
    late_s: float = 4.0
    retry_within_s: float = 2.0
    tool_timeout_s: float = 15.0
    tool_rounds: int = 8
    tool_calls_per_minute: int = 30
    output_tokens: int = 400
    reply_chars: int = 4_000
    turns: int = 40
    chars: int = 24_000
    silences: int = 3
    failures: int = 3
    max_tokens: int | None = None
    max_cost: float | None = None
    max_s: float | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and not value >= 0:
                raise ValueError(f"{each.name} is {value}: a limit is not below 0")

    @property
    def of_call(self) -> CallLimits:
        """What one call may use."""
        return CallLimits(max_tokens=self.max_tokens, max_cost=self.max_cost, max_s=self.max_s)


class CallRate:
    """How many calls of tools there were in the last minute."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._recent: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count a call; False if there were too many."""
        while self._recent and now - self._recent[0] > 60.0:
            self._recent.popleft()
        if len(self._recent) >= self._per_minute:
            return False
        self._recent.append(now)
        return True

"""What the models and tools of an agent did in one call, for its record. Pure."""

from dataclasses import dataclass, field

from offhook.pipeline.trace import GIVEN_UP, ModelReplied, Speculated, ToolRan

UNKNOWN = "other"
"""For tools that there are not: the model's own words are no names."""


@dataclass(slots=True)
class _Model:
    replies: int = 0
    failed: int = 0
    retried: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class _Tool:
    runs: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class AgentTotals:
    """Adds up replies, runs of tools, and replies that were begun early."""

    models: dict[str, _Model] = field(default_factory=dict)
    tools: dict[str, _Tool] = field(default_factory=dict)
    used: int = 0
    dropped: int = 0
    wasted_tokens: int = 0
    saved_s: float = 0.0

    def add(self, event: ModelReplied | Speculated | ToolRan) -> None:
        """A reply is over, or a tool."""
        match event:
            case ModelReplied():
                model = self.models.setdefault(event.model, _Model())
                model.replies += 1
                model.failed += bool(event.error) and event.error != GIVEN_UP and not event.retried
                model.retried += event.retried
                model.input_tokens += event.input_tokens
                model.cached_tokens += event.cached_tokens
                model.output_tokens += event.output_tokens
                model.cost += event.cost
            case ToolRan():
                tool = self.tools.setdefault(event.name if event.known else UNKNOWN, _Tool())
                tool.runs += 1
                tool.failed += bool(event.error)
                tool.seconds += event.seconds
            case Speculated():
                self.used += event.used
                self.dropped += not event.used
                self.wasted_tokens += 0 if event.used else event.tokens
                self.saved_s += event.saved_s

    def totals(self) -> dict[str, object] | None:
        """As in the record; None for a call without an agent."""
        if not self.models and not self.tools:
            return None
        models = self.models.values()
        return {
            "input_tokens": sum(each.input_tokens for each in models),
            "output_tokens": sum(each.output_tokens for each in models),
            "cost": round(sum(each.cost for each in models), 6),
            "models": [
                {
                    "model": name,
                    "replies": each.replies,
                    "failed": each.failed,
                    "retried": each.retried,
                    "input_tokens": each.input_tokens,
                    "cached_tokens": each.cached_tokens,
                    "output_tokens": each.output_tokens,
                    "cost": round(each.cost, 6),
                }
                for name, each in self.models.items()
            ],
            "tools": [
                {"tool": name, "runs": each.runs, "failed": each.failed, "seconds": round(each.seconds, 3)}
                for name, each in self.tools.items()
            ],
            "speculation": {
                "used": self.used,
                "dropped": self.dropped,
                "wasted_tokens": self.wasted_tokens,
                "saved_s": round(self.saved_s, 3),
            },
        }

"""What an agent is."""

from dataclasses import dataclass

from offhook.agents.history import Unheard
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import OnFailure, Policy
from offhook.agents.tools import Tool
from offhook.llm.model import ToolSpec


@dataclass(frozen=True, slots=True)
class AgentSetup:
    """The same for all its calls."""

    instructions: str
    greeting: str | None
    voice: str | None
    limits: AgentLimits
    policy: Policy
    tools: dict[str, Tool]
    specs: tuple[ToolSpec, ...]
    unheard: Unheard
    on_failure: OnFailure
    speculate: bool
    hides_keys: bool

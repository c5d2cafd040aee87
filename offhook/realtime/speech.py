"""How a speech-to-speech agent speaks, the same for all its calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.agents.limits import AgentLimits
from offhook.agents.policy import Policy
from offhook.agents.tools import Tool
from offhook.pipeline.events import Interruption
from offhook.realtime.audio_port import ModelAudio
from offhook.realtime.link import OpenLink, Setup

GREET = "Greet the caller."


@dataclass(frozen=True, slots=True)
class Speech:
    """How an agent speaks: the vendor, and what the session begins with."""

    name: str
    open: OpenLink
    audio: ModelAudio
    setup: Setup
    tools: Mapping[str, Tool] = field(default_factory=dict)
    policy: Policy | None = None
    """What the model may do to the call; None: nothing, as it has no tools."""
    limits: AgentLimits = field(default_factory=AgentLimits)
    interruption: Interruption = field(default_factory=Interruption)
    greet: str = GREET
    sorry: str = ""
    max_session_s: float = 3_300.0
    reply_within_s: float = 4.0
    full_duplex: bool = False
    """The model listens while it speaks, and need not answer."""

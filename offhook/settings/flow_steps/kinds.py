"""All kinds of steps."""

from offhook.settings.flow_steps.agent import AGENT
from offhook.settings.flow_steps.ask import ASK
from offhook.settings.flow_steps.collect import COLLECT
from offhook.settings.flow_steps.kind import StepKind
from offhook.settings.flow_steps.say import HANG_UP, SAY
from offhook.settings.flow_steps.transfer import TRANSFER
from offhook.settings.flow_steps.who_answered import WHO_ANSWERED

KINDS: dict[str, StepKind] = {kind.word: kind for kind in (SAY, ASK, COLLECT, AGENT, TRANSFER, WHO_ANSWERED, HANG_UP)}
"""By the key that makes a step one of them."""

"""All kinds of steps."""

from offhook.settings.flow_steps.agent import AGENT
from offhook.settings.flow_steps.ask import ASK
from offhook.settings.flow_steps.call import CALL, RETURN
from offhook.settings.flow_steps.collect import COLLECT
from offhook.settings.flow_steps.collect_secret import COLLECT_SECRET
from offhook.settings.flow_steps.kind import StepKind
from offhook.settings.flow_steps.play import PLAY
from offhook.settings.flow_steps.python import PYTHON_STEP
from offhook.settings.flow_steps.queue import QUEUE
from offhook.settings.flow_steps.record import RECORD
from offhook.settings.flow_steps.record_call import RECORD_CALL
from offhook.settings.flow_steps.request import REQUEST_STEP
from offhook.settings.flow_steps.say import HANG_UP, SAY
from offhook.settings.flow_steps.set_language import SET_LANGUAGE
from offhook.settings.flow_steps.take import TAKE
from offhook.settings.flow_steps.transfer import TRANSFER
from offhook.settings.flow_steps.values import IF, SET, SWITCH
from offhook.settings.flow_steps.wait import LOG, PRESS, WAIT
from offhook.settings.flow_steps.who_answered import WHO_ANSWERED

_ALL = (
    SAY,
    ASK,
    COLLECT,
    COLLECT_SECRET,
    SET,
    IF,
    SWITCH,
    REQUEST_STEP,
    PYTHON_STEP,
    AGENT,
    TRANSFER,
    QUEUE,
    TAKE,
    WHO_ANSWERED,
    CALL,
    RETURN,
    SET_LANGUAGE,
    PLAY,
    RECORD,
    RECORD_CALL,
    WAIT,
    PRESS,
    LOG,
    HANG_UP,
)

KINDS: dict[str, StepKind] = {kind.word: kind for kind in _ALL}
"""By the key that makes a step one of them."""

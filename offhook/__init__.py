"""offhook answers the phone."""

from offhook.bot import Bot
from offhook.call import Call, CallEnded, Dialog
from offhook.config import Config
from offhook.usererror import UserError
from pipeline.asr.engine import AsrEngine, AsrStream
from pipeline.events import Answer, AnswerKind, Choice, DigitRule, Heard
from pipeline.tts.engine import TtsEngine
from pipeline.vad.engine import VadEngine, VadStream

__all__ = [
    "Answer",
    "AnswerKind",
    "AsrEngine",
    "AsrStream",
    "Bot",
    "Call",
    "CallEnded",
    "Choice",
    "Config",
    "Dialog",
    "DigitRule",
    "Heard",
    "TtsEngine",
    "UserError",
    "VadEngine",
    "VadStream",
]

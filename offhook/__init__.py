"""offhook answers the phone."""

import os

# numpy's matrices here are small, and its threads would only wait for one another, with a caller waiting for them.
# It looks when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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

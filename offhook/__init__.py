"""offhook answers the phone.

What a bot is written against. A name is imported when it is first asked for, so that a module that only wants the
types loads no server (PEP 562).
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offhook.agents.agent import Agent
    from offhook.agents.limits import AgentLimits
    from offhook.agents.tools import Tool, tool
    from offhook.api.agent import CallAgent, Outcome
    from offhook.api.bot import Bot
    from offhook.api.call import Call, Dialog
    from offhook.api.call_ended import CallEnded
    from offhook.api.sayable import Ssml, ssml
    from offhook.api.turns import Said, TurnEvents
    from offhook.api.utterance import Utterance
    from offhook.api.while_waiting import Wait
    from offhook.engines.factory import EngineContext, FromEnvironment, read_options
    from offhook.pipeline.asr.engine import (
        AsrCapabilities,
        AsrEngine,
        AsrRequest,
        AsrStream,
        EndpointingAsrEngine,
        EndpointReport,
        RecognisedWord,
        Transcript,
    )
    from offhook.pipeline.asr.hosted import HostedAsr
    from offhook.pipeline.errors import EngineError
    from offhook.pipeline.events import (
        Answer,
        AnswerKind,
        Choice,
        DigitRule,
        EndpointPolicy,
        Expectation,
        Interruption,
        Playback,
        Prompt,
        Question,
        SpokenWord,
        TurnSoFar,
        ValueKind,
        Verdict,
    )
    from offhook.pipeline.tts.engine import MultilingualTtsEngine, SpeechChunk, TtsCapabilities, TtsEngine, Word
    from offhook.pipeline.tts.hosted import HostedTts
    from offhook.pipeline.tts.recording import Recording
    from offhook.pipeline.turn.events import (
        Interrupted,
        NoInput,
        Stalled,
        TurnCorrected,
        TurnIgnored,
        TurnLikelyOver,
        TurnOver,
        TurnPartial,
        TurnResumed,
        TurnStarted,
        UtterancePlayed,
        UtteranceStarted,
    )
    from offhook.pipeline.understanding.ambiguous import Ambiguous
    from offhook.pipeline.understanding.amounts import Money
    from offhook.pipeline.understanding.directory import Directory, Listed, Person
    from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, TimeRange, YesNo
    from offhook.pipeline.understanding.match import Match, Matcher
    from offhook.pipeline.understanding.patterns import Pattern
    from offhook.pipeline.understanding.phones import Phone
    from offhook.pipeline.understanding.time_spans import TimeSpan
    from offhook.pipeline.understanding.valid import Valid
    from offhook.pipeline.vad.engine import VadCapabilities, VadEngine, VadStream
    from offhook.realtime.agent import SpeechAgent
    from offhook.settings.config import Config
    from offhook.sound_file import load_sound
    from offhook.transfer.outcome import TransferError, TransferFailure, Transferred
    from offhook.usererror import UserError

# numpy's matrices here are small, and its threads would only wait for each other while a caller waits for them.
# numpy reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

_HOMES = {
    "Agent": "offhook.agents.agent",
    "AgentLimits": "offhook.agents.limits",
    "CallAgent": "offhook.api.agent",
    "Ambiguous": "offhook.pipeline.understanding.ambiguous",
    "Amount": "offhook.pipeline.understanding.kinds",
    "Answer": "offhook.pipeline.events",
    "AnswerKind": "offhook.pipeline.events",
    "AsrCapabilities": "offhook.pipeline.asr.engine",
    "AsrEngine": "offhook.pipeline.asr.engine",
    "AsrRequest": "offhook.pipeline.asr.engine",
    "AsrStream": "offhook.pipeline.asr.engine",
    "Bot": "offhook.api.bot",
    "Call": "offhook.api.call",
    "CallEnded": "offhook.api.call_ended",
    "Choice": "offhook.pipeline.events",
    "Config": "offhook.settings.config",
    "Date": "offhook.pipeline.understanding.kinds",
    "Dialog": "offhook.api.call",
    "DigitRule": "offhook.pipeline.events",
    "Digits": "offhook.pipeline.understanding.kinds",
    "Directory": "offhook.pipeline.understanding.directory",
    "Listed": "offhook.pipeline.understanding.directory",
    "EndpointPolicy": "offhook.pipeline.events",
    "Expectation": "offhook.pipeline.events",
    "EndpointReport": "offhook.pipeline.asr.engine",
    "EndpointingAsrEngine": "offhook.pipeline.asr.engine",
    "EngineContext": "offhook.engines.factory",
    "EngineError": "offhook.pipeline.errors",
    "FromEnvironment": "offhook.engines.factory",
    "HostedAsr": "offhook.pipeline.asr.hosted",
    "HostedTts": "offhook.pipeline.tts.hosted",
    "Interrupted": "offhook.pipeline.turn.events",
    "Interruption": "offhook.pipeline.events",
    "Match": "offhook.pipeline.understanding.match",
    "Matcher": "offhook.pipeline.understanding.match",
    "Money": "offhook.pipeline.understanding.amounts",
    "MultilingualTtsEngine": "offhook.pipeline.tts.engine",
    "NoInput": "offhook.pipeline.turn.events",
    "Number": "offhook.pipeline.understanding.kinds",
    "Pattern": "offhook.pipeline.understanding.patterns",
    "Person": "offhook.pipeline.understanding.directory",
    "Phone": "offhook.pipeline.understanding.phones",
    "Outcome": "offhook.api.agent",
    "Playback": "offhook.pipeline.events",
    "SpokenWord": "offhook.pipeline.events",
    "Prompt": "offhook.pipeline.events",
    "Question": "offhook.pipeline.events",
    "RecognisedWord": "offhook.pipeline.asr.engine",
    "Recording": "offhook.pipeline.tts.recording",
    "Said": "offhook.api.turns",
    "SpeechAgent": "offhook.realtime.agent",
    "SpeechChunk": "offhook.pipeline.tts.engine",
    "Spelling": "offhook.pipeline.understanding.kinds",
    "Ssml": "offhook.api.sayable",
    "Stalled": "offhook.pipeline.turn.events",
    "Time": "offhook.pipeline.understanding.kinds",
    "TimeRange": "offhook.pipeline.understanding.kinds",
    "TimeSpan": "offhook.pipeline.understanding.time_spans",
    "Valid": "offhook.pipeline.understanding.valid",
    "Transcript": "offhook.pipeline.asr.engine",
    "TtsCapabilities": "offhook.pipeline.tts.engine",
    "TtsEngine": "offhook.pipeline.tts.engine",
    "TurnEvents": "offhook.api.turns",
    "TurnCorrected": "offhook.pipeline.turn.events",
    "TurnIgnored": "offhook.pipeline.turn.events",
    "TurnLikelyOver": "offhook.pipeline.turn.events",
    "TurnOver": "offhook.pipeline.turn.events",
    "TurnPartial": "offhook.pipeline.turn.events",
    "TurnResumed": "offhook.pipeline.turn.events",
    "TurnSoFar": "offhook.pipeline.events",
    "TurnStarted": "offhook.pipeline.turn.events",
    "Tool": "offhook.agents.tools",
    "TransferError": "offhook.transfer.outcome",
    "TransferFailure": "offhook.transfer.outcome",
    "Transferred": "offhook.transfer.outcome",
    "UserError": "offhook.usererror",
    "Utterance": "offhook.api.utterance",
    "UtterancePlayed": "offhook.pipeline.turn.events",
    "UtteranceStarted": "offhook.pipeline.turn.events",
    "VadCapabilities": "offhook.pipeline.vad.engine",
    "VadEngine": "offhook.pipeline.vad.engine",
    "VadStream": "offhook.pipeline.vad.engine",
    "Wait": "offhook.api.while_waiting",
    "ValueKind": "offhook.pipeline.events",
    "Verdict": "offhook.pipeline.events",
    "Word": "offhook.pipeline.tts.engine",
    "YesNo": "offhook.pipeline.understanding.kinds",
    "load_sound": "offhook.sound_file",
    "read_options": "offhook.engines.factory",
    "ssml": "offhook.api.sayable",
    "tool": "offhook.agents.tools",
}

__all__ = [
    "Agent",
    "AgentLimits",
    "Ambiguous",
    "Amount",
    "Answer",
    "AnswerKind",
    "AsrCapabilities",
    "AsrEngine",
    "AsrRequest",
    "AsrStream",
    "Bot",
    "Call",
    "CallAgent",
    "CallEnded",
    "Choice",
    "Config",
    "Date",
    "Dialog",
    "DigitRule",
    "Digits",
    "Directory",
    "EndpointPolicy",
    "EndpointReport",
    "EndpointingAsrEngine",
    "EngineContext",
    "EngineError",
    "Expectation",
    "FromEnvironment",
    "HostedAsr",
    "HostedTts",
    "Interrupted",
    "Interruption",
    "Listed",
    "Match",
    "Matcher",
    "Money",
    "MultilingualTtsEngine",
    "NoInput",
    "Number",
    "Outcome",
    "Pattern",
    "Person",
    "Phone",
    "Playback",
    "Prompt",
    "Question",
    "RecognisedWord",
    "Recording",
    "Said",
    "SpeechAgent",
    "SpeechChunk",
    "Spelling",
    "SpokenWord",
    "Ssml",
    "Stalled",
    "Time",
    "TimeRange",
    "TimeSpan",
    "Tool",
    "Transcript",
    "TransferError",
    "TransferFailure",
    "Transferred",
    "TtsCapabilities",
    "TtsEngine",
    "TurnCorrected",
    "TurnEvents",
    "TurnIgnored",
    "TurnLikelyOver",
    "TurnOver",
    "TurnPartial",
    "TurnResumed",
    "TurnSoFar",
    "TurnStarted",
    "UserError",
    "Utterance",
    "UtterancePlayed",
    "UtteranceStarted",
    "VadCapabilities",
    "VadEngine",
    "VadStream",
    "Valid",
    "ValueKind",
    "Verdict",
    "Wait",
    "Word",
    "YesNo",
    "load_sound",
    "read_options",
    "ssml",
    "tool",
]


if not TYPE_CHECKING:  # else any name would do for a type checker

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)

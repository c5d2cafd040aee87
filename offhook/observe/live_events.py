"""Call events as small JSON objects, for the live page and the stored timeline.

Each is a dict with `kind` and `at`, seconds since the call's start. DTMF digits are only counted, as they may be
secret. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from offhook.pipeline.asr.engine import RecognisedWord
from offhook.pipeline.events import Playback
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.trace import (
    BargedIn,
    BeepHeard,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    CallerCorrected,
    CallerIgnored,
    CallerPartial,
    CallerSpeech,
    CallerTyped,
    ConsentNoted,
    DialogNoted,
    DialogState,
    EngineFailed,
    EngineUsed,
    KeyPressed,
    Mark,
    ModelAsked,
    ModelReplied,
    ModelWrote,
    OverlapJudged,
    PhoneRang,
    SecretKeyed,
    SessionEvent,
    SilenceFilled,
    Speculated,
    SpeechPrepared,
    StageStalled,
    ToolRan,
    TurnTrace,
    TurnTraced,
    WhoAnswered,
)
from offhook.pipeline.tts.engine import Word

LiveEvent = dict[str, Any]

MAX_TEXT_CHARS = 4_000
"""The longest text shown; recognisers and dialogs may produce longer ones."""

MAX_WORDS = 400
"""Of an answer, with their places."""

TRANSIENT = frozenset({"partial", "writing", "levels"})
"""Kinds of momentary interest, which no timeline keeps."""


def describe(event: SessionEvent, began: float) -> LiveEvent:
    """The event of a call that began at `began` (monotonic seconds, as the event's own time)."""
    return {"kind": "", "at": _since(began, event.at)} | _content(event, began)


def _content(event: SessionEvent, began: float) -> LiveEvent:  # noqa: C901, PLR0912  # one row an event
    match event:
        case BotSpoke(text):
            return {"kind": "bot", "text": _short(text)}
        case BotHeard(playback, _, words):
            spoken = {**_played(playback), "interrupted": playback.interrupted}
            estimated = any(word.is_estimated for word in words)
            return {"kind": "heard", **spoken, "words": _places(words), "words_estimated": estimated}
        case BargedIn(silent_ms, playback):
            return {"kind": "barge_in", "silent_ms": round(silent_ms), **_played(playback)}
        case BotResumed(text):
            return {"kind": "resumed", "text": _short(text)}
        case SilenceFilled(stage, text):
            return {"kind": "filler", "stage": stage, "text": _short(text)}
        case StageStalled(stage, seconds):
            return {"kind": "stalled", "stage": stage, "seconds": round(seconds, 2)}
        case OverlapJudged(text, verdict):
            return {"kind": "overlap", "text": _short(text), "verdict": verdict}
        case CallerPartial(text):
            return {"kind": "partial", "text": _short(text)}
        case CallerSpeech(speaking):
            return {"kind": "speech", "on": speaking}
        case CallerAnswered(answer, words=words):
            said = {"answer": str(answer.kind), "text": _short(answer.text), "choice": answer.choice}
            keys, typed = len(answer.digits), answer.typed
            answered = {"kind": "answer", **said, "confidence": answer.confidence, "keys": keys, "typed": typed}
            return answered | ({"words": _recognised(words)} if words else {})
        case CallerCorrected(answer, was):
            now = {"answer": str(answer.kind), "text": _short(answer.text), "choice": answer.choice}
            return {"kind": "corrected", **now, "confidence": answer.confidence, "was": _short(was.text)}
        case CallerTyped(text):
            return {"kind": "typed", "text": _short(text)}
        case CallerIgnored(text, _, began_at, confidence, typed):
            kind: LiveEvent = {"kind": "ignored", "from": _since(began, began_at)}
            return kind | {"text": _short(text), "confidence": confidence, "typed": typed}
        case KeyPressed():
            return {"kind": "key"}
        case SecretKeyed(secret, outcome):
            return {"kind": "secret", "secret": secret, "outcome": outcome}
        case DialogState(name, by=by):
            return {"kind": "state", "name": _short(name), "by": _short(by)}
        case DialogNoted(text):
            return {"kind": "note", "text": _short(text)}
        case ConsentNoted(consent):
            return {"kind": "consent", "consent": consent}
        case TurnTraced(trace):
            return {"kind": "turn", **_turn(trace, began)}
        case SpeechPrepared(characters, is_used):
            return {"kind": "prepared", "characters": characters, "used": is_used}
        case EngineFailed(engine, error):
            return {"kind": "failure", "engine": engine, "error": _short(error)}
        case WhoAnswered(by, why, revised):
            return {"kind": "answered_by", "by": by, "why": why, "revised": revised}
        case BeepHeard(was_heard):
            return {"kind": "beep", "heard": was_heard}
        case PhoneRang():
            return {"kind": "ringing"}
        case EngineUsed(use):
            spent = {"audio_s": round(use.spent.audio_s, 2), "characters": use.spent.characters}
            used: LiveEvent = {"kind": "used", "part": use.part, "engine": use.engine, "outcome": str(use.outcome)}
            return used | spent | {"cost": round(use.spent.cost, 6), "why": _short(use.why)}
        case ModelAsked() | ModelWrote() | ModelReplied() | Speculated() | ToolRan():
            return _of_an_agent(event, began)


def _of_an_agent(event: ModelAsked | ModelWrote | ModelReplied | Speculated | ToolRan, began: float) -> LiveEvent:
    match event:
        case ModelAsked(model, said, speculative=speculative):
            return {"kind": "asked", "model": model, "said": _short(said), "speculative": speculative}
        case ModelWrote(text, asked_at):
            return {"kind": "writing", "asked": _since(began, asked_at), "text": _short(text)}
        case ModelReplied():
            first_ms = None if event.first_token_s is None else round(1000 * event.first_token_s)
            tokens = {"input": event.input_tokens, "cached": event.cached_tokens, "output": event.output_tokens}
            asked = _since(began, event.at - event.seconds)
            replied: LiveEvent = {"kind": "replied", "asked": asked, "model": event.model, "text": _short(event.text)}
            took = {"first_token_ms": first_ms, "ms": round(1000 * event.seconds), "tokens": tokens}
            replied |= took | {"cost": round(event.cost, 6), "error": _short(event.error)}
            return replied | ({"retried": True} if event.retried else {})
        case Speculated(used, tokens_so_far, saved_s):
            return {"kind": "speculated", "used": used, "tokens": tokens_so_far, "saved_ms": round(1000 * saved_s)}
        case ToolRan(name, arguments, result, seconds, error=error):
            ran: LiveEvent = {"kind": "tool", "name": _short(name), "arguments": _short(arguments)}
            ran["result_chars"] = len(result)
            return ran | {"ms": round(1000 * seconds), "error": _short(error)}


def _turn(trace: TurnTrace, began: float) -> LiveEvent:
    stages = {name: round(ms, 1) for name, ms in trace.stages_ms().items()}
    turn: LiveEvent = {"response_ms": round(trace.response_ms, 1), "stages_ms": stages}
    turn["ledger_ms"] = {name: round(ms, 1) for name, ms in trace.ledger_ms().items()}
    turn["marks_ms"] = {name: round(ms, 1) for name, ms in trace.marks_ms().items()}
    turn["speech_ended_at"] = _since(began, trace.marks[Mark.SPEECH_ENDED])
    if Mark.TURN_ENDED in trace.marks:
        turn["turn_ended_at"] = _since(began, trace.marks[Mark.TURN_ENDED])
    return turn


def _played(playback: Playback) -> LiveEvent:
    return {"heard": _short(playback.text_played), "unheard": _short(playback.text_unplayed)}


def _places(words: Iterable[Word]) -> list[list[float]]:
    """(first character, one past the last, start, end); times in seconds of the prompt's audio."""
    return [
        [
            word.char_start,
            word.char_end,
            round(word.start_sample / TICK_HZ, 3),
            round(word.end_sample / TICK_HZ, 3),
        ]
        for word in words
    ]


def _recognised(words: Sequence[RecognisedWord]) -> list[list[Any]]:
    """(word, start, end, confidence or None); times in seconds of the turn's audio."""
    places = [[_short(word.text), round(word.start_s, 3), round(word.end_s, 3), word.confidence] for word in words]
    return places[:MAX_WORDS]


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT_CHARS else text[: MAX_TEXT_CHARS - 1] + "…"


def _since(began: float, at: float) -> float:
    return round(max(0.0, at - began), 3)

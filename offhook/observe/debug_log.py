"""The lines of `log.level = "debug"`: SIP messages without their bodies, a conversation's events without its words."""

import re

import structlog

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
    TurnTraced,
    WhoAnswered,
)
from offhook.sip.net.flow import Flow

log = structlog.get_logger("offhook.sip")

MAX_HEAD_BYTES = 8_192

# RFC 3261 §7.3.3: `i` is the compact form of Call-ID; CSeq has none.
_CALL_ID = re.compile(rb"(?im)^(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)")
_CSEQ = re.compile(rb"(?im)^CSeq[ \t]*:[ \t]*([^\r\n]*)")


def sip_message(data: bytes, flow: Flow, received: bool) -> None:
    """Log a message of the SIP sockets; keep-alives are left out."""
    head = data[:MAX_HEAD_BYTES].partition(b"\r\n\r\n")[0]
    if not head.strip():
        return
    log.debug(
        "SIP message received" if received else "SIP message sent",
        peer=str(flow.remote),
        start=_text(head.partition(b"\r\n")[0]),
        cseq=_first(_CSEQ, head),
        sip_call_id=_first(_CALL_ID, head),
    )


def _first(pattern: re.Pattern[bytes], head: bytes) -> str:
    found = pattern.search(head)
    return _text(found[1]) if found is not None else ""


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace").strip()


def session_event(event: SessionEvent) -> tuple[str, dict[str, object]]:  # noqa: C901, PLR0912  # one row an event
    """What happened in a conversation, and its figures: texts and digits only as their lengths."""
    match event:
        case ModelAsked() | ModelWrote() | ModelReplied() | Speculated() | ToolRan():
            return _of_an_agent(event)
        case CallerSpeech() | CallerPartial() | CallerTyped() | CallerIgnored() | KeyPressed():
            return _of_the_caller(event)
        case CallerAnswered() | CallerCorrected():
            return _answer(event)
        case BotSpoke(text):
            return "the bot speaks", {"chars": len(text)}
        case BotHeard(playback):
            played, unplayed = len(playback.text_played), len(playback.text_unplayed)
            return "the bot has spoken", {"chars": played, "chars_unplayed": unplayed, "cut": playback.interrupted}
        case BargedIn(silent_ms):
            return "the caller interrupts", {"silent_after_ms": round(silent_ms)}
        case BotResumed(text):
            return "the bot resumes", {"chars": len(text)}
        case SilenceFilled(stage, text):
            return "the bot fills a silence", {"stage": stage, "chars": len(text)}
        case StageStalled(stage, seconds):
            return "something stalls", {"stage": stage, "seconds": round(seconds, 2)}
        case OverlapJudged(text, verdict):
            return "the dialog judges an overlap", {"chars": len(text), "verdict": verdict}
        case SecretKeyed(secret, outcome):
            return "a secret was asked for", {"secret": secret, "outcome": outcome}
        case DialogState(name, by=by):
            return "the dialog enters a step", {"step": name, "by": by}
        case DialogNoted(text):
            return "the dialog notes something", {"chars": len(text)}
        case ConsentNoted(consent):
            return "the dialog notes a consent", {"consent": consent}
        case TurnTraced(trace):
            stages = {f"{name}_ms": round(ms, 1) for name, ms in trace.stages_ms().items()}
            return "turn answered", {**stages}
        case SpeechPrepared(characters, used):
            return "speech was prepared", {"chars": characters, "used": used}
        case EngineFailed(engine, error):
            return "an engine failed", {"engine": engine, "error": error}
        case WhoAnswered(by, why, revised):
            return "who answered", {"by": by, "why": why, "revised": revised}
        case BeepHeard(heard):
            return "a voicemail records", {"beep": heard}
        case PhoneRang():
            return "the phone rings", {}
        case EngineUsed(use):
            spent = {"audio_s": round(use.spent.audio_s, 2), "chars": use.spent.characters}
            return "an engine has worked", {
                "part": use.part,
                "engine": use.engine,
                "outcome": str(use.outcome),
                **spent,
            }


def _of_an_agent(event: ModelAsked | ModelWrote | ModelReplied | Speculated | ToolRan) -> tuple[str, dict[str, object]]:
    match event:
        case ModelWrote(text):
            return "the model writes", {"chars": len(text)}
        case ModelAsked(model, said, speculative=speculative):
            return "the model is asked", {"model": model, "chars": len(said), "speculative": speculative}
        case ModelReplied(model, text, first_token_s, seconds, error=error, retried=retried):
            times = {"first_token_s": first_token_s, "seconds": round(seconds, 3)}
            return "the model has replied", {
                "model": model,
                "chars": len(text),
                **times,
                "error": error,
                "retried": retried,
            }
        case Speculated(used, tokens, saved_s):
            return "a reply was begun early", {"used": used, "tokens": tokens, "saved_s": round(saved_s, 3)}
        case ToolRan(name, seconds=seconds, error=error):
            return "a tool has run", {"tool": name, "seconds": round(seconds, 3), "error": error}


def _of_the_caller(
    event: CallerSpeech | CallerPartial | CallerTyped | CallerIgnored | KeyPressed,
) -> tuple[str, dict[str, object]]:
    match event:
        case CallerSpeech(speaking):
            return "the caller speaks" if speaking else "the caller is silent", {}
        case CallerPartial(text):
            return "partial transcript", {"chars": len(text)}
        case CallerTyped(text):
            return "the caller has typed", {"chars": len(text)}
        case CallerIgnored(text, confidence=confidence, typed=typed):
            return "not understood", {"chars": len(text), "confidence": confidence, "typed": typed}
        case KeyPressed():
            return "a key", {}


def _answer(event: CallerAnswered | CallerCorrected) -> tuple[str, dict[str, object]]:
    answer = event.answer
    figures: dict[str, object] = {"kind": str(answer.kind), "choice": answer.choice, "chars": len(answer.text)}
    if isinstance(event, CallerCorrected):
        return "the answer is corrected", {**figures, "chars_before": len(event.was.text)}
    return "the caller has answered", {**figures, "keys": len(answer.digits), "confidence": answer.confidence}

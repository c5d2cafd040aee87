"""What is said in a call, as lines of its transcript; `at_s` is when, in seconds from the call's start."""

from offhook.pipeline.events import Answer, AnswerKind
from offhook.pipeline.secret.entry import SecretOutcome
from offhook.pipeline.trace import BotHeard, CallerIgnored, SecretKeyed
from offhook.pipeline.understanding.recorded import recorded
from offhook.records import TranscriptLine


def bot_line(event: BotHeard, at_s: float) -> TranscriptLine:
    """What the bot has said, and would have said."""
    played, unplayed = event.playback.text_played, event.playback.text_unplayed
    return TranscriptLine(at_s, "bot", f"{played} {unplayed}".strip(), played, unplayed, engine=event.engine or None)


def ignored_line(event: CallerIgnored, at_s: float, engine: str | None) -> TranscriptLine:
    """What the caller has said that counted for nothing, recognised by `engine`."""
    typed, confidence = event.typed, event.confidence
    return TranscriptLine(at_s, "caller", event.text, confidence=confidence, typed=typed, rejected=True, engine=engine)


def answer_line(answer: Answer, at_s: float, engine: str | None) -> TranscriptLine:
    """What the caller has answered: in words, or in how many keys."""
    return TranscriptLine(
        at_s,
        "caller",
        answer.text or f"[keys: {len(answer.digits)}]",
        confidence=answer.confidence,
        choice=answer.choice,
        typed=answer.typed,
        rejected=answer.kind is AnswerKind.NO_MATCH,
        value=None if answer.value is None or not answer.text else recorded(answer.value),
        engine=engine,
        final=answer.is_final,
    )


def secret_line(event: SecretKeyed, at_s: float) -> TranscriptLine:
    """That the caller has keyed a secret, and whether it was taken."""
    refused = event.outcome == SecretOutcome.NO_MATCH
    return TranscriptLine(at_s, "caller", f"[secret: {event.secret}]", rejected=refused)

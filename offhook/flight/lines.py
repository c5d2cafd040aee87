"""A recorded call for people: what was said, and what the turn core decided, line by line."""

from collections.abc import Iterator
from typing import Any

from offhook.flight.reader import FlightLog
from offhook.flight.replay import Replay

_QUIET = ("TurnPartial", "CallerPartial", "CallerSpeech", "KeyPressed", "TurnTraced", "EngineUsed")


def lines_of(found: Replay) -> Iterator[str]:
    """The call in the order of time."""
    steps = {step.row: step for step in found.steps}
    for number, row in enumerate(found.log.rows, 1):
        if row[0] == "e" and (said := _said(row[1])) is not None:
            yield f"{_clock(row[1].get('at', found.log.began) - found.log.began)}  {said}"
        elif number in steps and (step := steps[number]).before is not step.after:
            actions = [action for action in step.actions if action not in ("finish", "answer")]
            what = f"  [{', '.join(actions)}]" if actions else ""
            yield f"{_clock(step.at)}      {step.before} -> {step.after}: {step.name.replace('_', ' ')}{what}"


def head_of(log: FlightLog) -> str:
    """What the call was."""
    recording = f", recording {log.recording}" if log.recording else ""
    return f"{log.call}  {log.started}{recording}".strip()


def _said(event: dict[str, Any]) -> str | None:
    """An event of the session in words; None for what the decisions show."""
    kind = event["~"]
    match kind:
        case "BotSpoke":
            return f"bot      {event['text']}"
        case "BotHeard":
            playback = event["playback"]
            unheard = playback.get("text_unplayed")
            return f"bot      … of which was not heard: {unheard}" if unheard else None
        case "CallerAnswered" | "CallerCorrected":
            answer = event["answer"]
            text = answer.get("text") or (f"[keys: {len(answer['digits'])}]" if answer.get("digits") else "")
            means = f"  = {answer['choice']}" if answer.get("choice") else ""
            return f"caller   {text or '[' + answer['kind'] + ']'}{means}"
        case "CallerIgnored":
            return f"caller   {event['text']}  (ignored)"
        case "CallerTyped":
            return f"caller   {event['text']}  (typed)"
        case _ if kind in _QUIET:
            return None
        case _:
            rest = {name: value for name, value in event.items() if name not in ("~", "at")}
            return f"         {kind} {rest}" if rest else f"         {kind}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{minutes:.0f}:{rest:06.3f}"

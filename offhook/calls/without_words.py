"""Events of a call without what was said in it, where `transcripts = false` has nobody keep the words. Pure."""

from dataclasses import replace

from offhook.api.agent import AGENT_HUNG_UP
from offhook.pipeline.events import Answer, Playback
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    CallerCorrected,
    CallerIgnored,
    CallerPartial,
    CallerTyped,
    DialogNoted,
    ModelAsked,
    ModelReplied,
    ModelWrote,
    OverlapJudged,
    SessionEvent,
    SilenceFilled,
    ToolRan,
)

NOT_KEPT = "[not kept]"
"""Where there were words."""


def without_words(event: SessionEvent) -> SessionEvent | None:  # one row an event
    """The event without words of the caller's, and without the bot's, which may repeat them; None: it is nothing else.
    What happened when, which choice was made, and how sure that is, stays."""
    match event:
        case CallerPartial() | ModelWrote():
            return None
        case CallerAnswered(answer):
            return replace(event, answer=_meant(answer), words=())
        case CallerCorrected(answer, was):
            return replace(event, answer=_meant(answer), was=_meant(was))
        case BotHeard(playback):
            return replace(event, playback=_played(playback), words=())
        case BargedIn(playback=playback):
            return replace(event, playback=_played(playback))
        case ModelAsked(said=said):
            return replace(event, said=_hidden(said))
        case ModelReplied(text=text, error=error):
            return replace(event, text=_hidden(text), error=_hidden(error))
        case ToolRan(name=name, arguments=arguments, error=error, known=known):
            # A name that no tool has is the model's invention.
            shown = name if known else _hidden(name)
            return replace(event, name=shown, arguments=_hidden(arguments), result="", error=_hidden(error))
        case (
            BotSpoke(text)
            | BotResumed(text)
            | CallerIgnored(text)
            | CallerTyped(text)
            | DialogNoted(text)
            | OverlapJudged(text)
            | SilenceFilled(text=text)
        ):
            return replace(event, text=_hidden(text))
        case _:
            return event


def reason_without_words(reason: str) -> str:
    """Why a call has ended, without what a model says of it."""
    return AGENT_HUNG_UP if reason.startswith(f"{AGENT_HUNG_UP}: ") else reason


def _meant(answer: Answer) -> Answer:
    text, prompt = _hidden(answer.text), _played(answer.prompt)
    return replace(answer, text=text, value=None, guess=None, prompt=prompt)


def _played(playback: Playback) -> Playback:
    played, unplayed = _hidden(playback.text_played), _hidden(playback.text_unplayed)
    return replace(playback, text_played=played, text_unplayed=unplayed, words=())


def _hidden(text: str) -> str:
    return NOT_KEPT if text else ""

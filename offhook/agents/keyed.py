"""The caller's keys: what the model reads of them, and how they stay off the record. Pure."""

import re
from collections import deque
from dataclasses import replace

from offhook.pipeline.events import Answer, Playback
from offhook.pipeline.trace import (
    BargedIn,
    BotHeard,
    BotResumed,
    BotSpoke,
    CallerAnswered,
    DialogNoted,
    ModelAsked,
    ModelReplied,
    ModelWrote,
    SessionEvent,
    ToolRan,
)

MIN_MASKED_DIGITS = 3
"""Shorter entries are choices of a menu, and too common to be found again in a text."""

MAX_REMEMBERED = 50

_DIGIT = re.compile(r"\d")
_OPEN_DIGITS = re.compile(r"\d[\d\s,.-]{0,80}\Z")

_BRACKETS = str.maketrans("[]", "()")
"""What stands in square brackets is the bot's: keys, results of tools. Nobody can type or dictate it."""


class Keyed:
    """The keys of one call. `hidden`: the model reads how many there were, and not which."""

    def __init__(self, *, hidden: bool = False) -> None:
        self._hidden = hidden
        self._digits: deque[str] = deque(maxlen=MAX_REMEMBERED)

    def words(self, answer: Answer) -> str:
        """A turn as the model reads it; "" if nothing was understood."""
        self.remember(answer)
        if not answer.digits:
            return answer.text.translate(_BRACKETS)
        return f"[{len(answer.digits)} keys pressed]" if self._hidden else f"[keys: {answer.digits}]"

    def remember(self, answer: Answer) -> None:
        """What was keyed in it, if anything, is masked from now on."""
        if len(answer.digits) >= MIN_MASKED_DIGITS and answer.digits not in self._digits:
            self._digits.append(answer.digits)

    def masked(self, text: str) -> str:
        """The text without what was keyed. As long as before."""
        for digits in self._digits:
            # Models write numbers in groups: 4 7 1 1, 47-11, 4,711.
            text = re.sub(r"[\s.,-]{0,2}".join(map(re.escape, digits)), lambda found: "*" * len(found[0]), text)
        return text

    def masked_event(self, event: SessionEvent) -> SessionEvent:
        """An event with what a model wrote, or the bot said or noted, likewise."""
        if not self._digits:
            return event
        match event:
            case ModelAsked(said=said):
                return replace(event, said=self.masked(said))
            case ModelWrote(text=text):
                # Digits at its end may go on to be those.
                return replace(event, text=self.masked(_OPEN_DIGITS.sub("", text)))
            case ModelReplied(text=text, error=error):
                return replace(event, text=self.masked(text), error=self.masked(error))
            case BotSpoke(text) | BotResumed(text) | DialogNoted(text):
                return replace(event, text=self.masked(text))
            case BotHeard(playback) | BargedIn(playback=playback):
                return replace(event, playback=self._masked_playback(playback))
            case CallerAnswered(answer):
                return replace(event, answer=replace(answer, prompt=self._masked_playback(answer.prompt)))
            case ToolRan(arguments=arguments, result=result, error=error):
                masked = self.masked(arguments), self.masked(result), self.masked(error)
                return replace(event, arguments=masked[0], result=masked[1], error=masked[2])
            case _:
                return event

    def _masked_playback(self, playback: Playback) -> Playback:
        # As one text: an interruption may have been in the midst of the digits.
        played, unplayed = playback.text_played, playback.text_unplayed
        both = self.masked(f"{played} {unplayed}")
        words = playback.words
        if both != f"{played} {unplayed}":
            words = tuple(replace(word, text=_DIGIT.sub("*", word.text)) for word in words)
        return replace(playback, text_played=both[: len(played)], text_unplayed=both[len(played) + 1 :], words=words)
